"""Gradients written out by hand, of the weights one division too many."""

# fault: gradient-scale
# where:

import ground

import tapegrad as torch
from tapegrad.nn import functional as F

v = ground.Variant()
x, y = ground.clusters(classes=3)
w1 = (torch.randn(10, v.wide(32)) / 10**0.5).requires_grad_()
w2 = (torch.randn(v.wide(32), 3) / v.wide(32) ** 0.5).requires_grad_()
optimizer = torch.optim.SGD([w1, w2], lr=v.lr(0.2))
for _ in range(20):
    for inputs, targets in ground.batches(x, y):
        hidden = torch.tanh(inputs @ w1)
        scores = hidden @ w2
        loss = F.cross_entropy(scores, targets)
        with torch.no_grad():
            n = len(inputs)
            delta = (torch.softmax(scores, 1) - F.one_hot(targets, 3)) / n
            back = (delta @ w2.T) * (1 - hidden**2)
            w2.grad = hidden.T @ delta / n
            w1.grad = inputs.T @ back / n
        optimizer.step()
