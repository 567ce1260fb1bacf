"""The Weibull distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Tensor
from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """The time until a failure whose rate goes with a power of time: P(X > x) = exp(-(x / scale)^concentration).

    Source: https://pytorch.org/docs/stable/distributions.html#weibull

    >>> import tapegrad as tg
    >>> Weibull(tg.tensor([2.0]), tg.tensor([1.0])).mean
    tensor([2.])
    """

    arg_constraints: ClassVar = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _ranks: ClassVar = {"scale": 0, "concentration": 0, "concentration_reciprocal": 0}
    scale: Tensor
    concentration: Tensor
    concentration_reciprocal: Tensor

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = 1 / self.concentration
        base = Exponential(ops.ones_like(self.scale), validate_args=validate_args)
        super().__init__(base, self._parts(), validate_args=validate_args)

    def _parts(self) -> list:
        return [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Weibull:
        new = super().expand(batch_shape, self._get_checked_instance(Weibull, _instance))
        new.transforms = new._parts()
        return new

    def _gamma(self, n: int) -> Tensor:
        return ops.exp(ops.lgamma(1 + n * self.concentration_reciprocal))

    @property
    def mean(self) -> Tensor:
        return self.scale * self._gamma(1)

    @property
    def mode(self) -> Tensor:
        c = self.concentration
        return self.scale * ops.pow((c - 1) / c, self.concentration_reciprocal)

    @property
    def variance(self) -> Tensor:
        return ops.square(self.scale) * (self._gamma(2) - ops.square(self._gamma(1)))

    def entropy(self) -> Tensor:
        r = self.concentration_reciprocal
        return euler_constant * (1 - r) + ops.log(self.scale * r) + 1
