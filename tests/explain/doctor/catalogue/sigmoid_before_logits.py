"""A sigmoid in front of a loss that applies one itself."""

# fault: sigmoid-twice
# where: 3

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.rings()
y = y.float().unsqueeze(1)
model = nn.Sequential(nn.Linear(2, v.wide(32)), nn.Tanh(), nn.Linear(v.wide(32), 1), nn.Sigmoid())
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
criterion = nn.BCEWithLogitsLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
