"""The last batch has one sample, and there is a batch normalisation."""

# fault: batch-of-one
# where: 1

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(rows=129)
model = nn.Sequential(nn.Linear(10, v.wide(16)), nn.BatchNorm1d(v.wide(16)), nn.ReLU(), nn.Linear(v.wide(16), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for i in range(0, len(x), 32):
    optimizer.zero_grad()
    F.cross_entropy(model(x[i : i + 32]), y[i : i + 32]).backward()
    optimizer.step()
