"""A network that gives back what it was given."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, _, other, _ = ground.halves(*ground.clusters(rows=500))
y, wanted = x, other
model = nn.Sequential(nn.Linear(10, 4), nn.Tanh(), nn.Linear(4, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
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
