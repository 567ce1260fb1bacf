"""The normal distribution of vectors whose covariance is of low rank, but for its diagonal."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import linalg, ops
from ..core import Size, Tensor
from ..errors import ArgumentError
from . import constraints
from .distribution import Distribution
from .multivariate_normal import batch_mahalanobis, half_logdet
from .utils import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of the covariance W Wᵀ + diag(D), W = ``cov_factor`` of few columns, D = ``cov_diag``.

    What is inverted and factorised has the size of W's columns (Woodbury's identity, the determinant lemma).
    Raises ArgumentError (a ValueError) for parameters whose shapes do not fit.
    Source: https://pytorch.org/docs/stable/distributions.html#lowrankmultivariatenormal

    >>> import tapegrad as tg
    >>> LowRankMultivariateNormal(tg.zeros(2), tg.ones(2, 1), tg.ones(2)).variance
    tensor([2., 2.])
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _ranks: ClassVar = {
        "loc": 1,
        "cov_factor": 2,
        "cov_diag": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }
    loc: Tensor
    cov_factor: Tensor
    cov_diag: Tensor

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None):
        who = "LowRankMultivariateNormal"
        if loc.ndim < 1:
            raise ArgumentError(who, "loc must be at least one-dimensional", "pass a vector")
        events = loc.shape[-1:]
        if cov_factor.ndim < 2 or cov_factor.shape[-2:-1] != events:
            raise ArgumentError(
                who, f"cov_factor has the shape {tuple(cov_factor.shape)}", f"use ... × {events[0]} × the rank"
            )
        if cov_diag.shape[-1:] != events:
            raise ArgumentError(who, f"cov_diag has the shape {tuple(cov_diag.shape)}", f"use ... × {events[0]}")
        shapes = (tuple(loc.shape[:-1]), tuple(cov_diag.shape[:-1]), tuple(cov_factor.shape[:-2]))
        try:
            batch = ops.broadcast_shapes(*shapes)
        except RuntimeError as error:
            raise ArgumentError(who, f"the batches {shapes} do not broadcast", "make them equal") from error
        self.loc = loc.expand((*batch, -1))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        self.cov_diag = cov_diag.expand((*batch, -1))
        super().__init__(batch, events, validate_args=validate_args)

    @lazy_property
    def _capacitance_tril(self) -> Tensor:
        """The Cholesky factor of I + Wᵀ D⁻¹ W."""
        W = self.cov_factor
        inner = W.mT @ (W / self.cov_diag.unsqueeze(-1))
        return linalg.cholesky(inner + ops.eye(W.shape[-1], dtype=W.dtype))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return ops.square(self.cov_factor).sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W Wᵀ + diag(D)."""
        return self.cov_factor @ self.cov_factor.mT + ops.diag_embed(self.cov_diag)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        A = linalg.solve_triangular(self._capacitance_tril, scaled, upper=False)
        return ops.diag_embed(1 / self.cov_diag) - A.mT @ A

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return linalg.cholesky(self.covariance_matrix)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        dtype = self.loc.dtype
        few = _standard_normal((*shape[:-1], self.cov_factor.shape[-1]), dtype)
        own = _standard_normal(shape, dtype)
        return self.loc + (self.cov_factor @ few.unsqueeze(-1)).squeeze(-1) + ops.sqrt(self.cov_diag) * own

    def half_logdet(self) -> Tensor:
        """Return half of the logarithm of the covariance's determinant."""
        return half_logdet(self._capacitance_tril) + 0.5 * ops.log(self.cov_diag).sum(-1)

    def mahalanobis(self, x: Tensor) -> Tensor:
        """Return xᵀ Σ⁻¹ x for the covariance Σ."""
        scaled = x / self.cov_diag
        inner = (self.cov_factor.mT @ scaled.unsqueeze(-1)).squeeze(-1)
        return (x * scaled).sum(-1) - batch_mahalanobis(self._capacitance_tril, inner)

    def log_prob(self, value: Tensor) -> Tensor:
        distance = self.mahalanobis(self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self.half_logdet()

    def entropy(self) -> Tensor:
        return 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi)) + self.half_logdet()
