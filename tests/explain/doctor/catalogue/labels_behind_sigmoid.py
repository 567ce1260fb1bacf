"""Labels from 0 to 9 behind a sigmoid, as in the reports."""

# fault: output-range
# where: 4

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters(features=20, classes=10)
y = y.float().unsqueeze(1)
model = nn.Sequential(nn.Linear(20, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 16), nn.Linear(16, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.05))
criterion = nn.MSELoss()
for _ in range(10):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
