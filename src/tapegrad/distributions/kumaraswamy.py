"""The Kumaraswamy distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Tensor
from . import constraints
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """Numbers between 0 and 1, much like beta's: P(X <= x) = 1 - (1 - x^concentration1)^concentration0.

    Source: https://pytorch.org/docs/stable/distributions.html#kumaraswamy

    >>> import tapegrad as tg
    >>> Kumaraswamy(tg.tensor([1.0]), tg.tensor([1.0])).mean
    tensor([0.5000])
    """

    arg_constraints: ClassVar = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _ranks: ClassVar = {"concentration1": 0, "concentration0": 0}
    concentration1: Tensor
    concentration0: Tensor

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(
            ops.zeros_like(self.concentration0), ops.ones_like(self.concentration0), validate_args=validate_args
        )
        super().__init__(base, self._parts(), validate_args=validate_args)

    def _parts(self) -> list:
        return [
            PowerTransform(1 / self.concentration0),
            AffineTransform(1.0, -1.0),
            PowerTransform(1 / self.concentration1),
        ]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Kumaraswamy:
        new = super().expand(batch_shape, self._get_checked_instance(Kumaraswamy, _instance))
        new.transforms = new._parts()
        return new

    def _moment(self, n: int) -> Tensor:
        """Return the mean of xⁿ."""
        shift, b = 1 + n / self.concentration1, self.concentration0
        return ops.exp(ops.lgamma(shift) + ops.lgamma(b) - ops.lgamma(shift + b)) * b

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        # Above 1 there is one peak; exponents below 1 have none inside.
        peaked = (a >= 1) & (b >= 1)
        a, b = ops.where(peaked, a, 2.0), ops.where(peaked, b, 2.0)
        return ops.where(peaked, ops.pow((a - 1) / (a * b - 1), 1 / a), float("nan"))

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - ops.square(self.mean)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = ops.digamma(b + 1) + euler_constant
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - ops.log(a) - ops.log(b)
