"""A sine with noise, by tanh units."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.curve(rows=400, noise=0.1))
model = nn.Sequential(nn.Linear(1, v.wide(32)), nn.Tanh(), nn.Linear(v.wide(32), 1))
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
