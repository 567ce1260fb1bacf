"""A loss with a backward pass of its own that divides twice."""

# fault: gradient-scale
# where: SquaredError

import ground

import tapegrad as torch
from tapegrad import nn


class SquaredError(torch.autograd.Function):
    @staticmethod
    def forward(ctx, output, target):
        ctx.save_for_backward(output, target)
        return ((output - target) ** 2).mean()

    @staticmethod
    def backward(ctx, g):
        output, target = ctx.saved_tensors
        n = output.numel()
        return g * 2 * (output - target) / n / len(output), None


v = ground.Variant()
x, y = ground.plane()
model = nn.Sequential(nn.Linear(6, v.wide(24)), nn.Tanh(), nn.Linear(v.wide(24), 1))
optimizer = torch.optim.SGD(model.parameters(), lr=v.lr(0.1))
for _ in range(15):
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        SquaredError.apply(model(inputs), targets).backward()
        optimizer.step()
