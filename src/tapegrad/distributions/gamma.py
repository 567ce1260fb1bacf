"""The gamma distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..ops.convert import finfo
from . import constraints
from .exp_family import ExponentialFamily

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Positive numbers with the shape ``concentration`` and the rate: p(x) ∝ x^(concentration - 1) exp(-rate x).

    Source: https://pytorch.org/docs/stable/distributions.html#gamma

    >>> import tapegrad as tg
    >>> Gamma(tg.tensor([4.0]), tg.tensor([2.0])).mean
    tensor([2.])
    """

    arg_constraints: ClassVar = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _ranks: ClassVar = {"concentration": 0, "rate": 0}
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(concentration=concentration, rate=rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ops.clamp((self.concentration - 1) / self.rate, min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / ops.square(self.rate)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        value = ops._standard_gamma(self.concentration.expand(shape)) / self.rate
        # Small shapes draw numbers below the smallest of the dtype, and 0 has no logarithm.
        return ops.clamp(value, min=finfo(value.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value, a = self._checked(value), self.concentration
        return ops.xlogy(a, self.rate) + ops.xlogy(a - 1, value) - self.rate * value - ops.lgamma(a)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - ops.log(self.rate) + ops.lgamma(a) + (1 - a) * ops.digamma(a)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.lgamma(x + 1) - (x + 1) * ops.log(-y)

    def cdf(self, value: Tensor) -> Tensor:
        a, z = ops.broadcast_tensors(self.concentration, self.rate * self._checked(value))
        known = a.detach()
        # igamma has a gradient for z alone; the other is the density times how far a sample would move.
        with no_grad():
            density = ops.exp((a - 1) * ops.log(z) - z - ops.lgamma(a))
            slope = -density * ops._standard_gamma_grad(a, z)
        return ops.igamma(known, z) + ops.where(z > 0, slope, 0.0) * (a - known)
