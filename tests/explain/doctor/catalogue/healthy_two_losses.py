"""Two heads, whose losses are added."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, wide), nn.ReLU())
        self.kind = nn.Linear(wide, 4)
        self.size = nn.Linear(wide, 1)

    def forward(self, x):
        h = self.body(x)
        return self.kind(h), self.size(h)


v = ground.Variant()
x, y = ground.clusters()
size = (x**2).mean(1, keepdim=True)
net = Net(v.wide(32))
optimizer = torch.optim.Adam(net.parameters(), lr=v.lr(5e-3))
for _ in range(15):
    for i in range(0, 400, 40):
        scores, sizes = net(x[i : i + 40])
        loss = F.cross_entropy(scores, y[i : i + 40]) + 0.5 * F.mse_loss(sizes, size[i : i + 40])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
