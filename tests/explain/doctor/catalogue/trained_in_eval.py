"""After the first validation the network is never set back to training."""

# fault: eval-in-training
# where: 1

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y, other, labels = ground.halves(*ground.clusters(rows=500))
model = nn.Sequential(
    nn.Linear(10, v.wide(32)), nn.BatchNorm1d(v.wide(32)), nn.ReLU(), nn.Dropout(0.2), nn.Linear(v.wide(32), 4)
)
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.CrossEntropyLoss()
for _ in range(10):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(criterion(model(other), labels).item())
