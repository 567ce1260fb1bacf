"""Four batches to an update."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(rows=640)
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.3))
for _ in range(20):
    for i, (inputs, targets) in enumerate(ground.batches(x, y, 16)):
        loss = F.cross_entropy(model(inputs), targets) / 4
        loss.backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
