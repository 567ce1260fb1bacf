"""Two layers that do not fit each other: an error with its line."""

# fault: script-error
# where: wrong_width.py:[0-9]+

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(31, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for inputs, targets in ground.batches(x, y):
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
