"""Raw scores where logarithms of probabilities are expected."""

# fault: nll-of-scores
# where: 2

import ground

import tapegrad as torch
from tapegrad import nn

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, v.wide(32)), nn.ReLU(), nn.Linear(v.wide(32), 4))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
criterion = nn.NLLLoss()
for _ in range(6):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
