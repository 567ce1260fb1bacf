"""Outputs (n, 1) meet targets (n): each is compared with all."""

# fault: target-shape
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.plane()
y = y.squeeze(1)
model = nn.Sequential(nn.Linear(6, v.wide(24)), nn.Tanh(), nn.Linear(v.wide(24), 1))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets).backward()
        optimizer.step()
