"""One layer's weights are drawn fifty times too large."""

# fault: initial-weights-large
# where: 2

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
nn.init.normal_(model[2].weight, std=8.0)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.02))
criterion = nn.CrossEntropyLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
