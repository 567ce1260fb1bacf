"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from ..errors import ArgumentError
from . import constraints
from .exp_family import ExponentialFamily

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """Points of the simplex, in the last dimension: p(x) ∝ ∏ xᵢ^(concentrationᵢ - 1).

    Source: https://pytorch.org/docs/stable/distributions.html#dirichlet

    >>> import tapegrad as tg
    >>> Dirichlet(tg.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints: ClassVar = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _ranks: ClassVar = {"concentration": 1}
    concentration: Tensor

    def __init__(self, concentration: Tensor, validate_args: bool | None = None):
        if concentration.ndim < 1:
            raise ArgumentError(
                "Dirichlet", "`concentration` parameter must be at least one-dimensional", "give one number each"
            )
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def _total(self) -> Tensor:
        return self.concentration.sum(-1)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self._total.unsqueeze(-1)

    @property
    def mode(self) -> Tensor:
        above = ops.clamp(self.concentration - 1, min=0.0)
        mode = above / above.sum(-1, keepdim=True)
        corner = ops.all(self.concentration < 1, -1).unsqueeze(-1)
        largest = ops.arange(mode.shape[-1]) == ops.argmax(mode, -1, keepdim=True)
        return ops.where(corner, largest.to(mode.dtype), mode)

    @property
    def variance(self) -> Tensor:
        total = self._total.unsqueeze(-1)
        return self.concentration * (total - self.concentration) / (ops.square(total) * (total + 1))

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return ops._sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        powers = ops.xlogy(self.concentration - 1, self._checked(value)).sum(-1)
        return powers + ops.lgamma(self._total) - ops.lgamma(self.concentration).sum(-1)

    def entropy(self) -> Tensor:
        a, total = self.concentration, self._total
        return (
            ops.lgamma(a).sum(-1)
            - ops.lgamma(total)
            - (a.shape[-1] - total) * ops.digamma(total)
            - ((a - 1) * ops.digamma(a)).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return ops.lgamma(x).sum(-1) - ops.lgamma(x.sum(-1))
