"""Accuracy 0.1 at a learning rate of 0.01, as in the reports: the loss is a sum over the batch."""

# fault: loss-summed
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(rows=640, features=20, classes=10, spread=0.8)
model = nn.Sequential(
    nn.Linear(20, v.wide(64)), nn.ReLU(), nn.Linear(v.wide(64), v.wide(64)), nn.ReLU(), nn.Linear(v.wide(64), 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.01), momentum=0.9)
for _ in range(8):
    for inputs, targets in ground.batches(x, y, 128):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets, reduction="sum")
        loss.backward()
        optimizer.step()
