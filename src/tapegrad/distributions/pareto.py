"""The Pareto distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Tensor
from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform
from .utils import broadcast_all

__all__ = ["Pareto"]


class Pareto(TransformedDistribution):
    """Numbers of at least ``scale`` with a tail of the power ``alpha``: P(X > x) = (scale / x)^alpha.

    Source: https://pytorch.org/docs/stable/distributions.html#pareto

    >>> import tapegrad as tg
    >>> Pareto(tg.tensor([1.0]), tg.tensor([2.0])).mean
    tensor([2.])
    """

    arg_constraints: ClassVar = {"alpha": constraints.positive, "scale": constraints.positive}
    _ranks: ClassVar = {"alpha": 0, "scale": 0}
    alpha: Tensor
    scale: Tensor

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, self._parts(), validate_args=validate_args)

    def _parts(self) -> list:
        return [ExpTransform(), AffineTransform(0, self.scale)]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Pareto:
        new = super().expand(batch_shape, self._get_checked_instance(Pareto, _instance))
        new.transforms = new._parts()
        return new

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        # Up to 1 the mean is infinite, as the quotient is at 1.
        a = ops.clamp(self.alpha, min=1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = ops.clamp(self.alpha, min=2)
        return ops.square(self.scale) * a / (ops.square(a - 1) * (a - 2))

    def entropy(self) -> Tensor:
        return ops.log(self.scale / self.alpha) + (1 + 1 / self.alpha)
