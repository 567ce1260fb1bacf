"""A dense network with plain gradient descent."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.clusters(rows=600))
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(12):
    model.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = criterion(model(other), wanted)
