"""A loss that is written out: outputs (n, 1) minus targets (n) are (n, n)."""

# fault: target-shape
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.plane()
y = y.squeeze(1)
model = nn.Sequential(nn.Linear(6, v.wide(24)), nn.Tanh(), nn.Linear(v.wide(24), 1))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = ((model(inputs) - targets) ** 2).mean()
        loss.backward()
        optimizer.step()
