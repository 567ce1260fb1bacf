"""The first layer was frozen for weights that were never loaded."""

# fault: layer-frozen
# where: 0

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
model[0].requires_grad_(False)
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
