"""Adam that moves a millionth a step."""

# fault: rate-too-low
# where:

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4)
)
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(1e-6))
criterion = nn.CrossEntropyLoss()
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
