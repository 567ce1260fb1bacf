"""The uniform distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from ..errors import ArgumentError
from . import constraints
from .distribution import Distribution

__all__ = ["Uniform"]


class Uniform(Distribution):
    """Numbers spread evenly over [low, high).

    Raises ArgumentError (a ValueError) unless low < high.
    Source: https://pytorch.org/docs/stable/distributions.html#uniform

    >>> import tapegrad as tg
    >>> Uniform(0.0, 4.0).log_prob(tg.tensor(1.0)).exp()
    tensor(0.2500)
    """

    has_rsample = True
    _ranks: ClassVar = {"low": 0, "high": 0}
    low: Tensor
    high: Tensor

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(low=low, high=high), validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ArgumentError("Uniform", "it is not defined when low >= high", "swap them")

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        return ops.full_like(self.high, float("nan"))

    @property
    def stddev(self) -> Tensor:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Tensor:
        return ops.square(self.high - self.low) / 12

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        drawn = ops.rand(tuple(self._extended_shape(sample_shape)), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        inside = (value >= self.low) & (value < self.high)
        density = -ops.log(self.high - self.low)
        return ops.where(inside, density, -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        return ops.clamp((self._checked(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)
