"""Softmax and its relatives as layers."""

from __future__ import annotations

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..errors import ArgumentError
from .module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class _AlongDim(Module):
    """A layer that works along one dimension; None chooses one as PyTorch once did, with a warning."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """Positive numbers that sum to 1 along ``dim``, in proportion to eˣ. Leave it out before CrossEntropyLoss.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html

    >>> import tapegrad as tg
    >>> tg.nn.Softmax(dim=1)(tg.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """The logarithm of :class:`Softmax`: what NLLLoss takes.

    >>> import tapegrad as tg
    >>> tg.nn.LogSoftmax(dim=-1)(tg.tensor([0.0, 1.0]))
    tensor([-1.3133, -0.3133])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(_AlongDim):
    """:class:`Softmax` of the input with every sign turned."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """:class:`Softmax` over the channels of (N, C, H, W) or (C, H, W). Raises ArgumentError for other dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ArgumentError("Softmax2d", f"expected 3 or 4 dimensions, got {input.ndim}", "give (N, C, H, W)")
        return F.softmax(input, -3)
