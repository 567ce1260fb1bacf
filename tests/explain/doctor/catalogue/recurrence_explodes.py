"""A recurrence that multiplies by 1.6 at each of 40 steps."""

# fault: exploding-gradient
# where: rnn

import ground

import tapegrad as torch
from tapegrad import nn


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.rnn = nn.RNN(2, wide, nonlinearity="relu", batch_first=True)
        self.out = nn.Linear(wide, 1)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(1.6 * torch.eye(wide))

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


v = ground.Variant()
x = torch.randn(160, 40, 2)
y = x[:, :, 0].mean(1, keepdim=True)
net = Net(v.wide(16))
optimizer = torch.optim.SGD(net.parameters(), lr=v.lr(1e-3))
criterion = nn.MSELoss()
for _ in range(4):
    for inputs, targets in ground.batches(x, y, 16):
        optimizer.zero_grad()
        criterion(net(inputs), targets).backward()
        optimizer.step()
