"""The optimizer holds the parameters of another copy of the network."""

# fault: optimizer-of-others
# where:

import copy

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
model = copy.deepcopy(model)
for _ in range(10):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
