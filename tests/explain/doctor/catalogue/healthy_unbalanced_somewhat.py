"""Three quarters are of one class."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters(rows=900, classes=2)
keep = (y == 0) | (torch.arange(900) % 3 == 0)
x, y, other, wanted = ground.halves(x[keep], y[keep])
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 2))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.05))
criterion = nn.CrossEntropyLoss()
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
