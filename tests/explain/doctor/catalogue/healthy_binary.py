"""Two classes, one score."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.rings(rows=500)
x, y, other, wanted = ground.halves(x, y.float().unsqueeze(1))
model = nn.Sequential(nn.Linear(2, v.wide(32)), nn.Tanh(), nn.Linear(v.wide(32), 1))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.02))
criterion = nn.BCEWithLogitsLoss()
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
