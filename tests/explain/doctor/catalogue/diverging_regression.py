"""A linear regression whose steps grow until numbers end."""

# fault: rate-too-high
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.plane()
model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(1.5))
criterion = nn.MSELoss()
for _ in range(600):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
