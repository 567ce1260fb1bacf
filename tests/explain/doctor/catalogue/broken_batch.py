"""One batch in the middle holds numbers ten thousand times too large."""

# fault: loss-spike
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.plane(rows=320)
model = nn.Sequential(nn.Linear(6, v.wide(24)), nn.Tanh(), nn.Linear(v.wide(24), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.05))
criterion = nn.MSELoss()
step = 0
for _ in range(20):
    for inputs, targets in ground.batches(x, y):
        step += 1
        if step == 120:
            targets = targets * 300
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
