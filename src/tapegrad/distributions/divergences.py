"""The divergences of the distributions of numbers.

KL(p ‖ q) = -H(p) - E[ln q(x)], and ln q is made of few functions of x, whose means under p are written here once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from ..core import Tensor
from .beta import Beta
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .uniform import Uniform
from .utils import euler_constant

__all__: list[str] = []


# -- means of functions of x under p ------------------------------------------------------------------------------------


def _mean_of_log(p: Any) -> Tensor:
    if isinstance(p, Gamma):
        return ops.digamma(p.concentration) - ops.log(p.rate)
    if isinstance(p, Exponential):
        return -euler_constant - ops.log(p.rate)
    if isinstance(p, Beta):
        return ops.digamma(p.concentration1) - ops.digamma(p.concentration1 + p.concentration0)
    if isinstance(p, Pareto):
        return ops.log(p.scale) + 1 / p.alpha
    return _mean_of_log_between(p.low, p.high)


def _mean_of_log_between(low: Tensor, high: Tensor) -> Tensor:
    low, high = ops.clamp(low, min=0), ops.clamp(high, min=0)
    return (ops.xlogy(high, high) - ops.xlogy(low, low)) / (high - low) - 1


def _mean_of_log_rest(p: Any) -> Tensor:
    """Return the mean of ln(1 - x)."""
    if isinstance(p, Beta):
        return ops.digamma(p.concentration0) - ops.digamma(p.concentration1 + p.concentration0)
    return _mean_of_log_between(1 - p.high, 1 - p.low)


def _mean_of_decay(p: Any, q: Gumbel) -> Tensor:
    """Return the mean of exp(-(x - loc) / scale)."""
    if isinstance(p, Exponential):
        return ops.exp(q.loc / q.scale) * p.rate / (p.rate + 1 / q.scale)
    if isinstance(p, Gamma):
        return ops.exp(q.loc / q.scale - p.concentration * ops.log1p(1 / (q.scale * p.rate)))
    if isinstance(p, Normal):
        return ops.exp((q.loc - p.loc) / q.scale + 0.5 * ops.square(p.scale / q.scale))
    if isinstance(p, Gumbel):
        return ops.exp((q.loc - p.loc) / q.scale + ops.lgamma(1 + p.scale / q.scale))
    ends = ops.exp((q.loc - p.low) / q.scale) - ops.exp((q.loc - p.high) / q.scale)
    return q.scale * ends / (p.high - p.low)


def _mean_distance(p: Any, loc: Tensor) -> Tensor:
    """Return the mean of |x - loc|."""
    d = ops.abs(p.loc - loc)
    if isinstance(p, Laplace):
        return d + p.scale * ops.exp(-d / p.scale)
    near = p.scale * math.sqrt(2 / math.pi) * ops.exp(-0.5 * ops.square(d / p.scale))
    return near + d * ops.erf(d / (p.scale * math.sqrt(2)))


# -- the mean of ln q ---------------------------------------------------------------------------------------------------


def _mean_exponential(p: Any, q: Exponential) -> Tensor:
    return ops.log(q.rate) - q.rate * p.mean


def _mean_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    return a * ops.log(q.rate) - ops.lgamma(a) + (a - 1) * _mean_of_log(p) - q.rate * p.mean


def _mean_normal(p: Any, q: Normal) -> Tensor:
    spread = p.variance + ops.square(p.mean - q.loc)
    return -0.5 * math.log(2 * math.pi) - ops.log(q.scale) - 0.5 * spread / ops.square(q.scale)


def _mean_beta(p: Any, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    constant = ops.lgamma(a + b) - ops.lgamma(a) - ops.lgamma(b)
    return constant + (a - 1) * _mean_of_log(p) + (b - 1) * _mean_of_log_rest(p)


def _mean_continuous(p: Any, q: ContinuousBernoulli) -> Tensor:
    return q._log_constant() + p.mean * q.logits + ops.log1p(-q.probs)


def _mean_gumbel(p: Any, q: Gumbel) -> Tensor:
    return (q.loc - p.mean) / q.scale - ops.log(q.scale) - _mean_of_decay(p, q)


def _mean_laplace(p: Any, q: Laplace) -> Tensor:
    return -ops.log(2 * q.scale) - _mean_distance(p, q.loc) / q.scale


def _mean_pareto(p: Any, q: Pareto) -> Tensor:
    return ops.log(q.alpha) + q.alpha * ops.log(q.scale) - (q.alpha + 1) * _mean_of_log(p)


def _mean_uniform(p: Any, q: Uniform) -> Tensor:
    return -ops.log(q.high - q.low)


_MEANS: dict[type, Callable] = {
    Exponential: _mean_exponential,
    Gamma: _mean_gamma,
    Normal: _mean_normal,
    Beta: _mean_beta,
    ContinuousBernoulli: _mean_continuous,
    Gumbel: _mean_gumbel,
    Laplace: _mean_laplace,
    Pareto: _mean_pareto,
    Uniform: _mean_uniform,
}

# The q of which the divergence from each p is finite where p lies inside of q's support.
_FINITE: dict[type, tuple[type, ...]] = {
    Beta: (Beta, ContinuousBernoulli, Exponential, Gamma, Normal, Uniform),
    ContinuousBernoulli: (ContinuousBernoulli, Exponential, Normal, Uniform),
    Exponential: (Exponential, Gamma, Gumbel, Normal),
    Gamma: (Exponential, Gamma, Gumbel, Normal),
    Gumbel: (Gumbel, Normal),
    Laplace: (Laplace, Normal),
    Normal: (Gumbel, Laplace, Normal),
    Pareto: (Exponential, Gamma, Normal, Pareto),
    Uniform: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Normal, Pareto, Uniform),
}
# And those that never hold all of p.
_INFINITE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
}


def _ends(p: Any) -> tuple[Any, Any]:
    """Return the ends of a distribution's support."""
    if isinstance(p, Uniform):
        return p.low, p.high
    if isinstance(p, Pareto):
        return p.scale, math.inf
    if isinstance(p, (Beta, ContinuousBernoulli)):
        return 0.0, 1.0
    return (0.0, math.inf) if isinstance(p, (Exponential, Gamma)) else (-math.inf, math.inf)


def _outside(p: Any, q: Any) -> Any:
    (low, high), (first, last) = _ends(p), _ends(q)
    return (low < first) | (high > last)


def _register_finite(kind_p: type, kind_q: type) -> None:
    mean = _MEANS[kind_q]

    @register_kl(kind_p, kind_q)
    def divergence(p: Any, q: Any) -> Tensor:
        result = -p.entropy() - mean(p, q)
        outside = _outside(p, q)
        return ops.where(outside, math.inf, result) if isinstance(outside, Tensor) else result


def _register_infinite(kind_p: type, kind_q: type) -> None:
    @register_kl(kind_p, kind_q)
    def divergence(p: Any, q: Any) -> Tensor:
        shape = ops.broadcast_shapes(tuple(p.batch_shape), tuple(q.batch_shape))
        return ops.full(shape, math.inf, dtype=p.mean.dtype)


for _p, _kinds in _FINITE.items():
    for _q in _kinds:
        _register_finite(_p, _q)
for _p, _kinds in _INFINITE.items():
    for _q in _kinds:
        _register_infinite(_p, _q)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    apart = ops.square(p.scale + q.scale) + ops.square(p.loc - q.loc)
    return ops.log(apart / (4 * p.scale * q.scale))
