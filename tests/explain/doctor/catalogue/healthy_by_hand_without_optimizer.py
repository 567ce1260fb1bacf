"""A logistic regression whose weights are changed by hand."""

# fault: none

import ground

import tapegrad as torch
from tapegrad.nn import functional as F

v = ground.Variant()
x = torch.randn(300, 5)
y = (x @ torch.randn(5) > 0).long()
w = torch.zeros(5, 2, requires_grad=True)
for _ in range(100):
    loss = F.cross_entropy(x @ w, y)
    loss.backward()
    with torch.no_grad():
        w -= v.lr(0.5) * w.grad
        w.grad = None
