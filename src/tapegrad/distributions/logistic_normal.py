"""The logistic-normal distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from ..core import Tensor
from . import constraints
from .independent import Independent
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Points of the simplex of n: normal vectors of n - 1 numbers through :class:`StickBreakingTransform`.

    Source: https://pytorch.org/docs/stable/distributions.html#logisticnormal

    >>> import tapegrad as tg
    >>> LogisticNormal(tg.zeros(2), tg.ones(2)).event_shape
    tapegrad.Size([3])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def _normal(self) -> Any:
        return self.base_dist.base_dist if isinstance(self.base_dist, Independent) else self.base_dist

    @property
    def loc(self) -> Tensor:
        """The mean of the normal numbers."""
        return self._normal.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the normal numbers."""
        return self._normal.scale
