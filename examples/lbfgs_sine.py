"""A sine fitted by L-BFGS with a strong Wolfe line search: all data at once, few steps."""

import tapegrad as torch
from tapegrad import nn, optim


def main(steps: int = 30) -> tuple[float, float]:
    """Fit; return the mean squared error before and after."""
    torch.manual_seed(0)
    x = torch.linspace(-3.0, 3.0, 200, dtype=torch.float64).unsqueeze(1)
    y = torch.sin(2 * x)
    model = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)).double()
    optimizer = optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return losses[0], closure().item()


if __name__ == "__main__":
    before, after = main()
    print(f"mean squared error: {before:.3f} before, {after:.2e} after")
