"""A loss summed over the batch, with a rate that fits."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.plane()
model = nn.Sequential(nn.Linear(6, v.wide(24)), nn.Tanh(), nn.Linear(v.wide(24), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(1e-3))
criterion = nn.MSELoss(reduction="sum")
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
