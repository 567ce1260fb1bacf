"""A third of the validation data was trained on."""

# fault: shared-samples
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(rows=500)
other, labels = torch.cat([x[400:], x[:50]]), torch.cat([y[400:], y[:50]])
x, y = x[:400], y[:400]
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for _ in range(8):
    model.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = F.cross_entropy(model(other), labels)
