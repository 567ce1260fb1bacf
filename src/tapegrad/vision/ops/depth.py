"""Layers left out at random."""

from __future__ import annotations

from ...core import Tensor
from ...errors import ArgumentError
from ...nn import Module
from ...ops.creation import full
from ...ops.draw import bernoulli

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """Return the input, or with probability ``p`` zeros, divided by 1 - p, as a whole ("batch") or each sample ("row").

    Outside of training, the input. Raises ArgumentError for other modes and for p outside of 0 to 1.
    Source: G. Huang et al., "Deep Networks with Stochastic Depth" (2016), arXiv:1603.09382

    >>> import tapegrad as tg
    >>> stochastic_depth(tg.ones(2), 1.0, "batch")
    tensor([0., 0.])
    """
    if not 0 <= p <= 1:
        raise ArgumentError("stochastic_depth", f"p is {p}", "use a probability between 0 and 1")
    if mode not in ("batch", "row"):
        raise ArgumentError("stochastic_depth", f"mode is {mode!r}", "use 'batch' or 'row'")
    if not training or p == 0:
        return input
    shape = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    stays = bernoulli(full(shape, 1.0 - p, dtype=input.dtype))
    return input * (stays / (1.0 - p) if p < 1 else stays)


class StochasticDepth(Module):
    """:func:`stochastic_depth` as a layer."""

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
