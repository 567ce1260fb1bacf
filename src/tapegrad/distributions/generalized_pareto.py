"""The generalised Pareto distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .distribution import Distribution
from .utils import _uniform

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: P(X > x) = (1 + k z)^(-1 / k), z = (x - loc) / scale, k = ``concentration``.

    For k = 0 it is exp(-z). Source: https://en.wikipedia.org/wiki/Generalized_Pareto_distribution

    >>> import tapegrad as tg
    >>> GeneralizedPareto(tg.tensor([0.0]), tg.tensor([1.0]), tg.tensor([0.5])).mean
    tensor([2.])
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _ranks: ClassVar = {"loc": 0, "scale": 0, "concentration": 0}
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None):
        shape = self._broadcast(loc=loc, scale=scale, concentration=concentration)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        bounded = self.concentration < 0
        end = self.loc - self.scale / ops.where(bounded, self.concentration, -1.0)
        return constraints.interval(self.loc, ops.where(bounded, end, float("inf")))

    def _split(self) -> tuple[Tensor, Tensor]:
        """Return where k is another number than 0, and k there, 1 elsewhere."""
        zero = ops.isclose(self.concentration, ops.zeros_like(self.concentration))
        return ops.logical_not(zero), ops.where(zero, 1.0, self.concentration)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self._quantile(_uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def _hazard(self, value: Tensor) -> Tensor:
        """Return -ln P(X > x)."""
        z = (value - self.loc) / self.scale
        powered, k = self._split()
        return ops.where(powered, ops.log1p(k * z) / k, z - self.concentration * ops.square(z) / 2)

    def log_prob(self, value: Tensor) -> Tensor:
        return -ops.log(self.scale) - (1 + self.concentration) * self._hazard(self._checked(value))

    def log_survival_function(self, value: Tensor) -> Tensor:
        """Return ln P(X > x)."""
        return -self._hazard(self._checked(value))

    def log_cdf(self, value: Tensor) -> Tensor:
        """Return ln P(X <= x)."""
        return ops.log1p(-ops.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return -ops.expm1(self.log_survival_function(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._quantile(value)

    def _quantile(self, value: Tensor) -> Tensor:
        powered, k = self._split()
        hazard = -ops.log1p(-value)
        return self.loc + self.scale * ops.where(
            powered, ops.expm1(k * hazard) / k, hazard + self.concentration * ops.square(hazard) / 2
        )

    @property
    def mean(self) -> Tensor:
        finite = self.concentration < 1
        k = ops.where(finite, self.concentration, 0.0)
        return ops.where(finite, self.loc + self.scale / (1 - k), float("inf"))

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        k = ops.where(finite, self.concentration, 0.0)
        return ops.where(finite, ops.square(self.scale / (1 - k)) / (1 - 2 * k), float("inf"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        return ops.log(self.scale) + self.concentration + 1
