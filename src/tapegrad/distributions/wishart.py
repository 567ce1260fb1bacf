"""The Wishart distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import linalg, ops
from ..core import Size, Tensor
from ..errors import ArgumentError, warn
from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import half_logdet, one_matrix, to_scale_tril
from .utils import _standard_normal, lazy_property

__all__ = ["Wishart"]


class Wishart(ExponentialFamily):
    """Positive definite matrices: the scatter of ``df`` normal vectors of a covariance.

    One of ``covariance_matrix``, ``precision_matrix`` and ``scale_tril``. Raises ArgumentError (a ValueError) unless
    one is given, and unless df > rows - 1. Source: https://pytorch.org/docs/stable/distributions.html#wishart

    >>> import tapegrad as tg
    >>> Wishart(tg.tensor(3.0), tg.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _ranks: ClassVar = {
        "df": 0,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
        "_unbroadcasted_scale_tril": 2,
    }
    df: Tensor
    _unbroadcasted_scale_tril: Tensor

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        name, given = one_matrix("Wishart", covariance_matrix, precision_matrix, scale_tril)
        df = df if isinstance(df, Tensor) else ops.full((), float(df), dtype=given.dtype)
        batch = ops.broadcast_shapes(tuple(given.shape[:-2]), tuple(df.shape))
        n = given.shape[-1]
        if bool((df <= n - 1).any()):
            raise ArgumentError("Wishart", f"df is {df}", f"use more than {n - 1} for matrices of {n} rows")
        if bool((df < n).any()):
            warn("Wishart", "df lies below the number of rows", "singular samples are likely to occur")
        self.df = df.expand(batch)
        setattr(self, name, given.expand((*batch, -1, -1)))
        super().__init__(batch, given.shape[-2:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = to_scale_tril(name, given)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, lower triangular, with L Lᵀ the covariance."""
        return self._unbroadcasted_scale_tril.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        L = self._unbroadcasted_scale_tril
        return (L @ L.mT).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return ops.cholesky_inverse(self._unbroadcasted_scale_tril).expand(self._batch_shape + self._event_shape)

    def _per_matrix(self, value: Tensor) -> Tensor:
        return value.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Tensor:
        return self._per_matrix(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        factor = ops.where(factor <= 0, float("nan"), factor)
        return self._per_matrix(factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        V = self.covariance_matrix
        d = V.diagonal(dim1=-2, dim2=-1)
        return self._per_matrix(self.df) * (ops.square(V) + d.unsqueeze(-1) * d.unsqueeze(-2))

    def rsample(self, sample_shape: Any = Size(()), max_try_correction: Any = None) -> Tensor:  # noqa: B008
        """Return samples with gradients, by Bartlett's decomposition; ``max_try_correction`` is accepted."""
        n = self._event_shape[-1]
        degrees = self.df.unsqueeze(-1) - ops.arange(n, dtype=self.df.dtype)
        diagonal = ops.sqrt(Chi2(degrees, validate_args=False).rsample(sample_shape))
        lower = _standard_normal(self._extended_shape(sample_shape), self.df.dtype).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (lower + ops.diag_embed(diagonal))
        return factor @ factor.mT

    def _gamma(self) -> Tensor:
        return ops.mvlgamma(self.df / 2, self._event_shape[-1])

    def log_prob(self, value: Tensor) -> Tensor:
        value, n, L = self._checked(value), self._event_shape[-1], self._unbroadcasted_scale_tril
        inner = linalg.solve_triangular(L, linalg.cholesky(value), upper=False)
        trace = ops.square(inner).sum(-1).sum(-1)
        scale = self.df * (0.5 * n * math.log(2) + half_logdet(L))
        return 0.5 * (self.df - n - 1) * linalg.slogdet(value).logabsdet - 0.5 * trace - scale - self._gamma()

    def entropy(self) -> Tensor:
        n, df = self._event_shape[-1], self.df
        digammas = ops.digamma((df.unsqueeze(-1) - ops.arange(n, dtype=df.dtype)) / 2).sum(-1)
        scale = (n + 1) * (0.5 * n * math.log(2) + half_logdet(self._unbroadcasted_scale_tril))
        return scale + self._gamma() - 0.5 * (df - n - 1) * digammas + 0.5 * df * n

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        return half * (n * math.log(2) - linalg.slogdet(-2 * x).logabsdet) + ops.mvlgamma(half, n)
