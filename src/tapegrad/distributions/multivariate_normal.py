"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import linalg, ops
from ..core import Size, Tensor
from ..errors import ArgumentError
from . import constraints
from .distribution import Distribution
from .utils import _standard_normal, lazy_property

__all__ = ["MultivariateNormal"]


def half_logdet(L: Tensor) -> Tensor:
    """Return half of the logarithm of the determinant of L Lᵀ for lower triangular matrices."""
    return ops.log(L.diagonal(dim1=-2, dim2=-1)).sum(-1)


def batch_mahalanobis(L: Tensor, x: Tensor) -> Tensor:
    """Return |L⁻¹ x|² for lower triangular matrices and vectors, whose batches broadcast."""
    if L.ndim == 2:
        columns = x.reshape((-1, x.shape[-1])).mT
        return ops.square(linalg.solve_triangular(L, columns, upper=False)).sum(0).reshape(tuple(x.shape[:-1]))
    return ops.square(linalg.solve_triangular(L, x.unsqueeze(-1), upper=False)).sum(-1).sum(-1)


def precision_to_scale_tril(P: Tensor) -> Tensor:
    """Return the lower triangular L with L Lᵀ = P⁻¹: the inverse of P = U Uᵀ with U upper triangular, transposed."""
    upper = ops.flip(linalg.cholesky(ops.flip(P, (-2, -1))), (-2, -1))
    identity = ops.eye(P.shape[-1], dtype=P.dtype)
    return linalg.solve_triangular(upper, identity, upper=True).mT


class MultivariateNormal(Distribution):
    """Normal vectors, in the last dimension: p(x) ∝ exp(-(x - loc)ᵀ Σ⁻¹ (x - loc) / 2).

    One of ``covariance_matrix`` Σ, ``precision_matrix`` Σ⁻¹ and ``scale_tril`` L with L Lᵀ = Σ; L is the fastest.
    Raises ArgumentError (a ValueError) unless one is given, and for matrices that are not positive definite.
    Source: https://pytorch.org/docs/stable/distributions.html#multivariatenormal

    >>> import tapegrad as tg
    >>> MultivariateNormal(tg.zeros(2), tg.eye(2)).log_prob(tg.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _ranks: ClassVar = {
        "loc": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
        "_unbroadcasted_scale_tril": 2,
    }
    loc: Tensor
    _unbroadcasted_scale_tril: Tensor

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        who = "MultivariateNormal"
        if loc.ndim < 1:
            raise ArgumentError(who, "loc must be at least one-dimensional", "pass a vector")
        name, given = one_matrix(who, covariance_matrix, precision_matrix, scale_tril)
        batch = ops.broadcast_shapes(tuple(given.shape[:-2]), tuple(loc.shape[:-1]))
        setattr(self, name, given.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = to_scale_tril(name, given)

    def expand(self, batch_shape: Any, _instance: Any = None) -> MultivariateNormal:
        new = self._get_checked_instance(MultivariateNormal, _instance)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new = super().expand(batch_shape, new)
        # A matrix for the whole batch is solved once.
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        return new

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, lower triangular, with L Lᵀ = Σ."""
        return self._unbroadcasted_scale_tril.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """Σ."""
        L = self._unbroadcasted_scale_tril
        return (L @ L.mT).expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Σ⁻¹."""
        inverse = ops.cholesky_inverse(self._unbroadcasted_scale_tril)
        return inverse.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        variance = ops.square(self._unbroadcasted_scale_tril).sum(-1)
        return variance.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        drawn = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ drawn.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        L = self._unbroadcasted_scale_tril
        distance = batch_mahalanobis(L, self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_logdet(L)

    def entropy(self) -> Tensor:
        constant = 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi))
        return (constant + half_logdet(self._unbroadcasted_scale_tril)).expand(self._batch_shape)


def one_matrix(who: str, covariance: Any, precision: Any, scale_tril: Any) -> tuple[str, Tensor]:
    """Return which of the three matrices is given, and the matrix. Raises ArgumentError unless it is one."""
    matrices = {"covariance_matrix": covariance, "precision_matrix": precision, "scale_tril": scale_tril}
    given = {name: matrix for name, matrix in matrices.items() if matrix is not None}
    if len(given) != 1:
        raise ArgumentError(
            who, f"{len(given)} of covariance_matrix, precision_matrix and scale_tril are given", "give exactly one"
        )
    ((name, matrix),) = given.items()
    if matrix.ndim < 2:
        raise ArgumentError(who, f"{name} must be at least two-dimensional", "pass a matrix")
    return name, matrix


def to_scale_tril(name: str, matrix: Tensor) -> Tensor:
    """Return the lower triangular factor of the covariance that one of the three matrices stands for."""
    if name == "scale_tril":
        return matrix
    return linalg.cholesky(matrix) if name == "covariance_matrix" else precision_to_scale_tril(matrix)
