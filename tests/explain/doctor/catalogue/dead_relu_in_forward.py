"""The same with a ReLU that is a function, not a module."""

# fault: dead-units
# where: hidden

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.first = nn.Linear(10, wide)
        self.hidden = nn.Linear(wide, wide)
        self.last = nn.Linear(wide, 4)
        nn.init.constant_(self.hidden.bias, -25.0)

    def forward(self, x):
        return self.last(F.relu(self.hidden(torch.tanh(self.first(x)))))


v = ground.Variant()
x, y = ground.clusters()
net = Net(v.wide(32))
optimizer = torch.optim.SGD(net.parameters(), lr=v.lr(0.05), momentum=0.9)
for _ in range(12):
    for inputs, targets in ground.batches(x, y):
        loss = F.cross_entropy(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
