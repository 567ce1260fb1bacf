"""A layer takes the logarithm of what may be 0."""

# fault: not-finite
# where: 1

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Logarithm(nn.Module):
    def forward(self, x):
        return torch.log(torch.relu(x))


v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, v.wide(16)), Logarithm(), nn.Linear(v.wide(16), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.01))
for _ in range(5):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
