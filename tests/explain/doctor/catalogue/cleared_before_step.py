"""zero_grad() stands between backward() and step()."""

# fault: gradients-dropped
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(5):
    for inputs, targets in ground.batches(x, y):
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
