"""A regression that goes on until it knows the noise by heart."""

# fault: overfitting
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.curve(rows=160, noise=0.6)
features = torch.cat([torch.sin(k * x) for k in range(1, 25)] + [torch.cos(k * x) for k in range(1, 25)], 1)
x, y, other, wanted = ground.halves(features, y, 0.35)
model = nn.Sequential(nn.Linear(48, v.wide(64)), nn.Tanh(), nn.Linear(v.wide(64), 1))
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(0.01))
criterion = nn.MSELoss()
for _epoch in range(60):
    model.train()
    for inputs, targets in ground.batches(x, y, 14):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = criterion(model(other), wanted)
