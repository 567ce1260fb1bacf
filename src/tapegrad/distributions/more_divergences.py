"""The divergences of discrete distributions, of vectors and matrices, and of distributions made of others."""

from __future__ import annotations

import math
from typing import Any

from .. import linalg, ops
from ..core import Tensor
from ..errors import MissingMethodError
from .bernoulli import Bernoulli
from .binomial import Binomial
from .categorical import Categorical
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily
from .geometric import Geometric
from .half_normal import HalfNormal
from .independent import Independent
from .kl import kl_divergence, register_kl
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal, batch_mahalanobis, half_logdet
from .one_hot_categorical import OneHotCategorical
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .utils import _softplus, _sum_rightmost

__all__: list[str] = []


# -- discrete distributions ---------------------------------------------------------------------------------------------


def _possible(p: Tensor, q: Tensor, term: Tensor) -> Tensor:
    """Return a term that counts nothing where p is 0, and is infinite where q alone is."""
    return ops.where(p == 0, 0.0, ops.where(q == 0, math.inf, term))


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs * (_softplus(-q.logits) - _softplus(-p.logits))
    none = (1 - p.probs) * (_softplus(q.logits) - _softplus(p.logits))
    return _possible(p.probs, q.probs, one) + _possible(1 - p.probs, 1 - q.probs, none)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.entropy() - p.probs * ops.log(q.rate)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise MissingMethodError(
            "kl_divergence", "binomial distributions with q.total_count > p.total_count", "estimate it from samples"
        )
    each = p.probs * (p.logits - q.logits) + ops.log1p(-p.probs) - ops.log1p(-q.probs)
    return ops.where(p.total_count > q.total_count, math.inf, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    return _possible(p.probs, q.probs, p.probs * (p.logits - q.logits)).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - ops.log1p(-q.probs) / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (ops.log(p.rate) - ops.log(q.rate)) - (p.rate - q.rate)


@register_kl(Poisson, Bernoulli)
@register_kl(Poisson, Binomial)
def _poisson_bounded(p: Poisson, q: Any) -> Tensor:
    shape = ops.broadcast_shapes(tuple(p.batch_shape), tuple(q.batch_shape))
    return ops.full(shape, math.inf, dtype=p.rate.dtype)


# -- vectors and matrices -----------------------------------------------------------------------------------------------


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    constant = ops.lgamma(total) - ops.lgamma(b.sum(-1)) + (ops.lgamma(b) - ops.lgamma(a)).sum(-1)
    return constant + ((a - b) * (ops.digamma(a) - ops.digamma(total).unsqueeze(-1))).sum(-1)


def _require_size(p: Any, q: Any) -> int:
    if p.event_shape != q.event_shape:
        from ..errors import ArgumentError

        raise ArgumentError(
            "kl_divergence",
            f"the event shapes {tuple(p.event_shape)} and {tuple(q.event_shape)}",
            "compare distributions of vectors of one size",
        )
    return p.event_shape[0]


def _total_square(x: Tensor) -> Tensor:
    return ops.square(x).sum(-1).sum(-1)


@register_kl(MultivariateNormal, MultivariateNormal)
def _normal_vectors(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    n, L, M = _require_size(p, q), p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    trace = _total_square(linalg.solve_triangular(M, L, upper=False))
    distance = batch_mahalanobis(M, q.loc - p.loc)
    return half_logdet(M) - half_logdet(L) + 0.5 * (trace + distance - n)


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_full(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Tensor:
    n, M = _require_size(p, q), q._unbroadcasted_scale_tril
    trace = _total_square(linalg.solve_triangular(M, p.cov_factor, upper=False))
    trace = trace + _total_square(linalg.solve_triangular(M, ops.diag_embed(ops.sqrt(p.cov_diag)), upper=False))
    distance = batch_mahalanobis(M, q.loc - p.loc)
    return half_logdet(M) - p.half_logdet() + 0.5 * (trace + distance - n)


def _trace_of_solved(q: LowRankMultivariateNormal, A: Tensor) -> Tensor:
    """Return the trace of Σ⁻¹ A Aᵀ for q's covariance Σ."""
    scaled = A / q.cov_diag.unsqueeze(-1)
    inner = linalg.solve_triangular(q._capacitance_tril, q.cov_factor.mT @ scaled, upper=False)
    return (A * scaled).sum(-1).sum(-1) - _total_square(inner)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    n = _require_size(p, q)
    trace = _trace_of_solved(q, p.cov_factor) + _trace_of_solved(q, ops.diag_embed(ops.sqrt(p.cov_diag)))
    return q.half_logdet() - p.half_logdet() + 0.5 * (trace + q.mahalanobis(q.loc - p.loc) - n)


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_low_rank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    n, L = _require_size(p, q), p._unbroadcasted_scale_tril
    trace = _trace_of_solved(q, L)
    return q.half_logdet() - half_logdet(L) + 0.5 * (trace + q.mahalanobis(q.loc - p.loc) - n)


# -- distributions made of others ---------------------------------------------------------------------------------------


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    n = p.reinterpreted_batch_ndims
    if n != q.reinterpreted_batch_ndims:
        raise MissingMethodError(
            "kl_divergence", f"{n} and {q.reinterpreted_batch_ndims} reinterpreted_batch_ndims", "make them equal"
        )
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), n)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise MissingMethodError(
            "kl_divergence", "transforms or event shapes that differ", "estimate the divergence from samples"
        )
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    """The divergence of Bregman that belongs to the log-normaliser."""
    if type(p) is not type(q):
        raise MissingMethodError(
            "kl_divergence",
            f"the exponential families {type(p).__name__} and {type(q).__name__} differ",
            "register their divergence with register_kl",
        )
    natural, normalizer, gradients = p._with_gradients()
    batch = len(ops.broadcast_shapes(tuple(p.batch_shape), tuple(q.batch_shape)))
    result = q._log_normalizer(*q._natural_params) - normalizer
    for own, other, gradient in zip(natural, q._natural_params, gradients, strict=True):
        term = (other - own) * gradient
        result = result - _sum_rightmost(term, max(term.ndim - batch, 0))
    return result
