"""The derivative of a root at 0 is infinite: the values are finite, the gradient is not."""

# fault: not-finite
# where: 1

import ground

import tapegrad as torch
from tapegrad import nn


class Length(nn.Module):
    def forward(self, x):
        return torch.cat([torch.sqrt((torch.relu(x) ** 2).sum(1, keepdim=True)), x], 1)


v = ground.Variant()
x, y = ground.clusters()
x[::7] = 0.0
model = nn.Sequential(nn.Linear(10, v.wide(16), bias=False), Length(), nn.Linear(v.wide(16) + 1, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.05))
criterion = nn.CrossEntropyLoss()
for _ in range(5):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
