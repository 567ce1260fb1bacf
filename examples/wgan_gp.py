"""A Wasserstein GAN with gradient penalty on a ring of eight Gaussians: the gradient of a gradient, trained through.

The penalty is (|d critic / d point| - 1)² at points between real and generated ones (I. Gulrajani et al., "Improved
training of Wasserstein GANs", 2017). Run it with ``python examples/wgan_gp.py``; it prints how far generated points lie
from the ring before and after.
"""

import math

import tapegrad as torch
from tapegrad import autograd, nn, optim


def real_points(count: int) -> torch.Tensor:
    """Points around eight centres on the circle of radius 2."""
    angle = torch.randint(0, 8, (count,)) * (2 * math.pi / 8)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(count, 2)


def network(inputs: int, outputs: int, width: int = 64) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def gradient_penalty(critic: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """The mean of (|gradient| - 1)² at random points between pairs."""
    share = torch.rand(real.size(0), 1)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    (gradient,) = autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def distance_from_ring(points: torch.Tensor) -> float:
    """The mean distance of points from the circle."""
    return (points.norm(dim=1) - 2).abs().mean().item()


def main(steps: int = 400, batch: int = 128) -> tuple[float, float, float]:
    """Train; return the distances before and after, and the critic's mean slope between the two sets at the end."""
    torch.manual_seed(0)
    generator, critic = network(4, 2), network(2, 1)
    for_generator = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    for_critic = optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
    with torch.no_grad():
        before = distance_from_ring(generator(torch.randn(1000, 4)))
    for _ in range(steps):
        for _ in range(5):
            real, fake = real_points(batch), generator(torch.randn(batch, 4)).detach()
            loss = critic(fake).mean() - critic(real).mean() + gradient_penalty(critic, real, fake)
            for_critic.zero_grad()
            loss.backward()
            for_critic.step()
        loss = -critic(generator(torch.randn(batch, 4))).mean()
        for_generator.zero_grad()
        loss.backward()
        for_generator.step()
    points = generator(torch.randn(1000, 4)).detach()
    between = ((real_points(1000) + points) / 2).requires_grad_(True)
    (gradient,) = autograd.grad(critic(between).sum(), between)
    return before, distance_from_ring(points), gradient.norm(2, dim=1).mean().item()


if __name__ == "__main__":
    before, after, slope = main()
    print(f"distance from the ring: {before:.3f} before, {after:.3f} after; the critic's slope: {slope:.2f}")
