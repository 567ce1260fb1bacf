"""The Laplace distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .distribution import Distribution
from .utils import _uniform

__all__ = ["Laplace"]


class Laplace(Distribution):
    """The two-sided exponential distribution: p(x) = exp(-|x - loc| / scale) / (2 scale).

    Source: https://pytorch.org/docs/stable/distributions.html#laplace

    >>> import tapegrad as tg
    >>> Laplace(tg.tensor([0.0]), tg.tensor([1.0])).cdf(tg.tensor([0.0]))
    tensor([0.5000])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _ranks: ClassVar = {"loc": 0, "scale": 0}
    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * ops.square(self.scale)

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self.icdf(_uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        return -ops.log(2 * self.scale) - ops.abs(self._checked(value) - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        distance = self._checked(value) - self.loc
        return 0.5 - 0.5 * ops.sign(distance) * ops.expm1(-ops.abs(distance) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        middle = value - 0.5
        return self.loc - self.scale * ops.sign(middle) * ops.log1p(-2 * ops.abs(middle))

    def entropy(self) -> Tensor:
        return 1 + ops.log(2 * self.scale)
