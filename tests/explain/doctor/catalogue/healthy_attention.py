"""A small Transformer encoder."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.take = nn.Linear(4, 16)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(self.encoder(self.take(x)).mean(1))


v = ground.Variant()
x = torch.randn(240, 6, 4)
y = x.mean(1)[:, :3].argmax(1)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=v.lr(3e-3))
for _ in range(8):
    net.train()
    for inputs, targets in ground.batches(x, y, 24):
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
