"""LBFGS, which calls the loss itself."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.plane(rows=200)
model = nn.Sequential(nn.Linear(6, v.wide(12)), nn.Tanh(), nn.Linear(v.wide(12), 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    return loss


for _ in range(15):
    optimizer.step(closure)
