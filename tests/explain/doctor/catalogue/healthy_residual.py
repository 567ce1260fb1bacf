"""Blocks that begin as the identity: the last layer of each is zero."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Block(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.up = nn.Linear(wide, wide)
        self.down = nn.Linear(wide, wide)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x):
        return x + self.down(F.relu(self.up(x)))


v = ground.Variant()
x, y = ground.clusters(rows=600)
wide = v.wide(24)
model = nn.Sequential(nn.Linear(10, wide), Block(wide), Block(wide), nn.Linear(wide, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.05), momentum=0.9)
for _ in range(8):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
