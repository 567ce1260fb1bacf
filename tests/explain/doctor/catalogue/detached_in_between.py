"""What the encoder gives is detached."""

# fault: no-gradient
# where: encoder.0

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(10, wide), nn.ReLU())
        self.head = nn.Linear(wide, 4)

    def forward(self, x):
        return self.head(self.encoder(x).data)


v = ground.Variant()
x, y = ground.clusters()
net = Net(v.wide(32))
optimizer = torch.optim.Adam(net.parameters(), lr=v.lr(0.01))
for _ in range(10):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
