"""A network that was loaded, of which the last layer alone is learned."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters()
model = nn.Sequential(nn.Linear(10, v.wide(64)), nn.ReLU(), nn.Linear(v.wide(64), 4))
model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
model[0].requires_grad_(False)
optimizer = torch.optim.Adam(model[2].parameters(), lr=v.lr(0.01))
for _ in range(12):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
