"""The samples come sorted by class."""

# fault: sorted-batches
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
order = torch.argsort(y)
x, y = x[order], y[order]
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for _ in range(10):
    for i in range(0, len(x), 32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[i : i + 32]), y[i : i + 32]).backward()
        optimizer.step()
