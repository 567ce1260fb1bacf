"""One sample a time."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.plane(rows=300, noise=0.2))
model = nn.Sequential(nn.Linear(6, v.wide(16)), nn.Tanh(), nn.Linear(v.wide(16), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.01))
criterion = nn.MSELoss()
for _ in range(4):
    model.train()
    for inputs, targets in ground.batches(x, y, 1):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = criterion(model(other), wanted)
