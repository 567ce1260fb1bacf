"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .distribution import Distribution
from .utils import _uniform

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """The ratio of two normal numbers, moved and scaled: p(x) = 1 / (π s (1 + ((x - loc) / s)²)), s = ``scale``.

    Source: https://pytorch.org/docs/stable/distributions.html#cauchy

    >>> import tapegrad as tg
    >>> Cauchy(tg.tensor([0.0]), tg.tensor([1.0])).cdf(tg.tensor([1.0]))
    tensor([0.7500])
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
        return ops.full_like(self.loc, float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return ops.full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self._quantile(_uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        return -math.log(math.pi) - ops.log(self.scale) - ops.log1p(ops.square(z))

    def cdf(self, value: Tensor) -> Tensor:
        return ops.atan((self._checked(value) - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return self._quantile(value)

    def _quantile(self, value: Tensor) -> Tensor:
        return ops.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + ops.log(self.scale)
