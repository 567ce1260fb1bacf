"""An LSTM that adds up what it hears."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.lstm = nn.LSTM(2, wide, batch_first=True)
        self.out = nn.Linear(wide, 1)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


v = ground.Variant()
x = torch.randn(240, 10, 2)
y = x[:, :, 0].mean(1, keepdim=True) * 2
net = Net(v.wide(16))
optimizer = torch.optim.Adam(net.parameters(), lr=v.lr(0.01))
for _ in range(8):
    for inputs, targets in ground.batches(x, y, 24):
        optimizer.zero_grad()
        F.mse_loss(net(inputs), targets).backward()
        optimizer.step()
