"""Weights drawn from a standard normal distribution, whatever the number of inputs."""

# fault: initial-weights-large
# where: 2

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
for p in model.parameters():
    nn.init.normal_(p)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.01))
criterion = nn.CrossEntropyLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
