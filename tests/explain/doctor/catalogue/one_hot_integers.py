"""One-hot targets as whole numbers."""

# fault: target-kind
# where:

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
y = F.one_hot(y, 4)
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(2):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
