"""The mean over the batch is divided by the batch size again before the backward pass."""

# fault: gradient-scale
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for _ in range(20):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets) / len(inputs)
        loss.backward()
        optimizer.step()
