"""The exponential distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .exp_family import ExponentialFamily
from .utils import _uniform

__all__ = ["Exponential"]


class Exponential(ExponentialFamily):
    """The time until the next of events that happen at a rate: p(x) = rate exp(-rate x).

    Source: https://pytorch.org/docs/stable/distributions.html#exponential

    >>> import tapegrad as tg
    >>> Exponential(tg.tensor([4.0])).mean
    tensor([0.2500])
    """

    arg_constraints: ClassVar = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _ranks: ClassVar = {"rate": 0}
    rate: Tensor

    def __init__(self, rate: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(rate=rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        return ops.zeros_like(self.rate)

    @property
    def stddev(self) -> Tensor:
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        return self.rate**-2

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return -ops.log(_uniform(self._extended_shape(sample_shape), self.rate.dtype)) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        return ops.log(self.rate) - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        return 1 - ops.exp(-self.rate * self._checked(value))

    def icdf(self, value: Tensor) -> Tensor:
        return -ops.log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        return 1 - ops.log(self.rate)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-self.rate,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return -ops.log(-x)
