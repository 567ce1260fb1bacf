"""Model-agnostic meta-learning of sines: the weights from which one step of SGD gets furthest.

The outer gradient goes through the inner optimizer's step, which ``differentiable=True`` records (C. Finn, P. Abbeel,
S. Levine, "Model-agnostic meta-learning for fast adaptation of deep networks", 2017).
"""

import math

import tapegrad as torch
from tapegrad import nn, optim
from tapegrad.func import functional_call


def task() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ten points to adapt to, and ten to be measured on, of a sine of random amplitude and phase."""
    amplitude, phase = 0.5 + 2 * torch.rand(1), math.pi * torch.rand(1)
    x = 10 * torch.rand(20, 1) - 5
    y = amplitude * (x + phase).sin()
    return x[:10], y[:10], x[10:], y[10:]


def adapted(model: nn.Module, x: torch.Tensor, y: torch.Tensor, steps: int = 1) -> dict[str, torch.Tensor]:
    """The weights after some steps of SGD on a task, as functions of the weights before."""
    weights = {name: p.clone() for name, p in model.named_parameters()}
    optimizer = optim.SGD(list(weights.values()), lr=0.02, differentiable=True)
    for _ in range(steps):
        # The step writes into the weights, so the loss is of copies of them.
        loss = nn.functional.mse_loss(functional_call(model, {n: w.clone() for n, w in weights.items()}, x), y)
        gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        for weight, gradient in zip(weights.values(), gradients, strict=True):
            weight.grad = gradient
        optimizer.step()
    return weights


def loss_after_one_step(model: nn.Module, tasks: int = 50) -> float:
    """The mean error on new tasks after one step on each."""
    total = 0.0
    for _ in range(tasks):
        x, y, unseen, wanted = task()
        total += nn.functional.mse_loss(functional_call(model, adapted(model, x, y), unseen), wanted).item()
    return total / tasks


def main(steps: int = 300, tasks: int = 4) -> tuple[float, float]:
    """Meta-train; return the error after one step of adaptation, before and after."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
    outer = optim.Adam(model.parameters(), lr=3e-3)
    before = loss_after_one_step(model)
    for _ in range(steps):
        loss = torch.zeros(())
        for _ in range(tasks):
            x, y, unseen, wanted = task()
            loss = loss + nn.functional.mse_loss(functional_call(model, adapted(model, x, y), unseen), wanted)
        outer.zero_grad()
        loss.backward()
        outer.step()
    return before, loss_after_one_step(model)


if __name__ == "__main__":
    before, after = main()
    print(f"error after one step: {before:.3f} before meta-training, {after:.3f} after")
