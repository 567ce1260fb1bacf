"""A polynomial of degree four, found by hand-written gradient descent."""

from itertools import count

import torch
import torch.nn.functional as F

torch.manual_seed(0)
DEGREE = 4
W_target = torch.randn(DEGREE, 1) * 5
b_target = torch.randn(1) * 5


def features(x):
    x = x.unsqueeze(1)
    return torch.cat([x**i for i in range(1, DEGREE + 1)], 1)


def described(W, b):
    result = "y = "
    for i, w in enumerate(W):
        result += "{:+.2f} x^{} ".format(w, i + 1)  # noqa: UP032
    return result + f"{b[0]:+.2f}"


fc = torch.nn.Linear(W_target.size(0), 1)
for step in count(1):
    x = features(torch.randn(32))
    y = x.mm(W_target) + b_target.item()
    fc.zero_grad()
    output = F.smooth_l1_loss(fc(x), y)
    loss = output.item()
    output.backward()
    for param in fc.parameters():
        param.data.add_(-0.1 * param.grad)
    if loss < 1e-3 or step == 3000:
        break

print(f"loss {loss:.6f} after {step} batches")
print("learned:\t" + described(fc.weight.view(-1), fc.bias))
print("actual:\t" + described(W_target.view(-1), b_target))
assert torch.allclose(fc.weight.view(-1), W_target.view(-1), atol=0.5)
