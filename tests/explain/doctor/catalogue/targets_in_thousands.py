"""Targets around 5,000 with a spread of 2,000."""

# fault: targets-scale
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.plane()
y = 5000 + 2000 * y
model = nn.Sequential(nn.Linear(6, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 1))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(1e-3))
criterion = nn.MSELoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
