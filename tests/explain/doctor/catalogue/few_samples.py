"""A large network and forty samples, as in two of the reports."""

# fault: overfitting
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(rows=440, features=20, spread=1.5)
x, y, other, labels = x[:40], y[:40], x[40:], y[40:]
model = nn.Sequential(nn.Linear(20, v.wide(128)), nn.ReLU(), nn.Linear(v.wide(128), 4))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
for epoch in range(30):
    model.train()
    for inputs, targets in ground.batches(x, y, 20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(epoch, F.cross_entropy(model(other), labels).item())
