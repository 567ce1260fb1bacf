"""Ten layers of sigmoids."""

# fault: vanishing-gradient
# where: 0

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
layers = [nn.Linear(10, v.wide(24)), nn.Sigmoid()]
for _ in range(8):
    layers += [nn.Linear(v.wide(24), v.wide(24)), nn.Sigmoid()]
model = nn.Sequential(*layers, nn.Linear(v.wide(24), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(12):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
