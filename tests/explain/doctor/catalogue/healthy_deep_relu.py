"""Six layers of ReLUs with weights drawn for them."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, wanted = ground.halves(*ground.clusters(rows=2000))
model = nn.Sequential(
    nn.Linear(10, v.wide(32)),
    nn.ReLU(),
    *[m for _ in range(5) for m in (nn.Linear(v.wide(32), v.wide(32)), nn.ReLU())],
    nn.Linear(v.wide(32), 4),
)
for m in model:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
optimizer = torch.optim.Adam(model.parameters(), lr=v.lr(2e-3))
criterion = nn.CrossEntropyLoss()
for _ in range(4):
    model.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = criterion(model(other), wanted)
