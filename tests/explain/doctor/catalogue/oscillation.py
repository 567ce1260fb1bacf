"""Full-batch steps that jump from one side of the valley to the other."""

# fault: oscillation
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x = torch.randn(200, 5)
y = x @ torch.randn(5, 1)
model = nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(3.0))
criterion = nn.L1Loss()
for _ in range(200):
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()
