"""The logarithm of a softmax, and the loss that goes with it."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.clusters(rows=600))
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4), nn.LogSoftmax(dim=1))
optimizer = torch.optim.Adagrad(model.parameters(), lr=v.lr(0.05))
criterion = nn.NLLLoss()
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
