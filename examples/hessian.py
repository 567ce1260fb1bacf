"""The Hessian of a small network's loss: symmetric, and at a minimum without negative eigenvalues.

It is computed as derivatives of gradients (``torch.func.hessian``), compared with finite differences of gradients, and
its largest eigenvalue says how large a learning rate may be: below 2 / λ.
"""

import tapegrad as torch
from tapegrad import nn, optim
from tapegrad.func import functional_call, grad, hessian


def main() -> tuple[float, float, float]:
    """Return the largest difference to finite differences, the smallest and the largest eigenvalue at the minimum."""
    torch.manual_seed(0)
    x = torch.linspace(-1.0, 1.0, 20, dtype=torch.float64).unsqueeze(1)
    y = x**3 - 0.5 * x
    model = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    shapes = {name: p.shape for name, p in model.named_parameters()}

    def loss(flat: torch.Tensor) -> torch.Tensor:
        parts = flat.split([s.numel() for s in shapes.values()])
        weights = {name: part.reshape(s) for (name, s), part in zip(shapes.items(), parts, strict=True)}
        return nn.functional.mse_loss(functional_call(model, weights, x), y) + 1e-3 * (flat**2).sum()

    flat = torch.cat([p.detach().flatten() for p in model.parameters()]).requires_grad_()
    optimizer = optim.LBFGS([flat], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(flat)
        value.backward()
        return value

    optimizer.step(closure)
    point = flat.detach()
    matrix = hessian(loss)(point)
    step = 1e-5
    units = torch.eye(point.numel(), dtype=torch.float64) * step
    columns = torch.stack([(grad(loss)(point + u) - grad(loss)(point - u)) / (2 * step) for u in units], 1)
    eigenvalues = torch.linalg.eigvalsh(matrix)
    return (matrix - columns).abs().max().item(), eigenvalues[0].item(), eigenvalues[-1].item()


if __name__ == "__main__":
    difference, least, largest = main()
    print(
        f"largest difference {difference:.1e}; eigenvalues from {least:.2e} to {largest:.2f}: rates below {2 / largest:.2f}"
    )
