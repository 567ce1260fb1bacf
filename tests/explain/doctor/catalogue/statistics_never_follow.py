"""A batch normalisation whose momentum is next to nothing."""

# fault: statistics-stale
# where: 1

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y, other, labels = ground.halves(*ground.clusters(rows=600))
x, other = x + 2, other + 2
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.BatchNorm1d(v.wide(32), momentum=1e-4), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
nn.init.constant_(model[0].bias, 4.0)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for _ in range(12):
    model.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = F.cross_entropy(model(other), labels)
