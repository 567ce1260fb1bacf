"""A linear model for two classes that lie one around the other."""

# fault: underfitting
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.rings()
model = nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(30):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
