"""The gradient of each sample by itself, all at once: ``vmap`` of ``grad``; with it, who pulls the weights how hard.

Such gradients are what differentially private training clips, and what shows the samples with wrong labels.
"""

import tapegrad as torch
from tapegrad import nn
from tapegrad.func import functional_call, grad, vmap
from tapegrad.vision import datasets


def main(count: int = 64, steps: int = 100) -> tuple[float, float]:
    """Return the largest difference to one-by-one gradients, and how many times more the mislabelled samples pull."""
    torch.manual_seed(0)
    inputs, labels = datasets.Digits(train=True).tensors()
    inputs, labels = inputs[:count].flatten(1), labels[:count].clone()
    labels[:4] = (labels[:4] + 5) % 10
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[4:]), labels[4:]).backward()
        optimizer.step()
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss(weights: dict, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(functional_call(model, weights, (x.unsqueeze(0),)), y.unsqueeze(0))

    together = vmap(grad(loss), in_dims=(None, 0, 0))(weights, inputs, labels)
    difference = 0.0
    for i in range(count):
        alone = grad(loss)(weights, inputs[i], labels[i])
        difference = max(difference, *((together[n][i] - alone[n]).abs().max().item() for n in weights))
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in together.values()]).norm(dim=0)
    return difference, (norms[:4].mean() / norms[4:].mean()).item()


if __name__ == "__main__":
    difference, ratio = main()
    print(f"largest difference to one by one: {difference:.1e}; mislabelled samples pull {ratio:.0f} times as hard")
