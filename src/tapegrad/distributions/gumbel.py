"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Tensor
from ..ops.convert import finfo
from . import constraints
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The largest of many numbers, moved and scaled: P(X <= x) = exp(-exp(-(x - loc) / scale)).

    Source: https://pytorch.org/docs/stable/distributions.html#gumbel

    >>> import tapegrad as tg
    >>> Gumbel(tg.tensor([0.0]), tg.tensor([1.0])).mean
    tensor([0.5772])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _ranks: ClassVar = {"loc": 0, "scale": 0}
    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        limits = finfo(self.loc.dtype)
        low = ops.full_like(self.loc, limits.tiny)
        base = Uniform(low, ops.full_like(self.loc, 1 - limits.eps), validate_args=validate_args)
        super().__init__(base, self._parts(), validate_args=validate_args)

    def _parts(self) -> list:
        return [
            ExpTransform().inv,
            AffineTransform(0, -ops.ones_like(self.scale)),
            ExpTransform().inv,
            AffineTransform(self.loc, -self.scale),
        ]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Gumbel:
        new = super().expand(batch_shape, self._get_checked_instance(Gumbel, _instance))
        new.transforms = new._parts()
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self.loc - self._checked(value)) / self.scale
        return z - ops.exp(z) - ops.log(self.scale)

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        return ops.square(self.stddev)

    def entropy(self) -> Tensor:
        return ops.log(self.scale) + (1 + euler_constant)
