"""Half of the targets' variance is noise."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.plane(rows=800, noise=0.6))
model = nn.Sequential(nn.Linear(6, v.wide(16)), nn.ReLU(), nn.Linear(v.wide(16), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.02))
criterion = nn.MSELoss()
for _ in range(12):
    model.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = criterion(model(other), wanted)
