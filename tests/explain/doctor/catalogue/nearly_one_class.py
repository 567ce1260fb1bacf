"""Of forty samples thirty-nine are of one class."""

# fault: classes-unbalanced
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters(rows=640, classes=2, spread=2.0)
keep = (y == 0) | (torch.arange(640) % 20 == 0)
x, y = x[keep], y[keep]
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 2))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.01))
criterion = nn.CrossEntropyLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
