"""The loss is computed of detached outputs."""

# fault: loss-detached
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.plane()
model = nn.Sequential(nn.Linear(6, v.wide(16)), nn.ReLU(), nn.Linear(v.wide(16), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for inputs, targets in ground.batches(x, y):
    optimizer.zero_grad()
    loss = F.mse_loss(model(inputs).detach(), targets)
    loss.backward()
    optimizer.step()
