"""Layers that experiments use and PyTorch does not have."""

from __future__ import annotations

from ..core import Tensor
from ..nn import Module

__all__ = ["ReLU3"]


class ReLU3(Module):
    """max(0, x)³, elementwise: the cubed ReLU, twice continuously differentiable.

    Source: W. E, B. Yu, "The Deep Ritz Method" (2018), https://arxiv.org/abs/1710.00211.

    >>> import tapegrad as tg
    >>> ReLU3()(tg.tensor([-1.0, 0.5, 2.0]))
    tensor([0.0000, 0.1250, 8.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the cubed positive part."""
        return input.relu() ** 3
