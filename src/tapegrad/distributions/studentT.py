"""Student's t-distribution."""  # noqa: N999

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .utils import _standard_normal

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t-distribution of ``df`` degrees of freedom, moved and scaled: p(z) ∝ (1 + z² / df)^(-(df + 1) / 2).

    Source: https://pytorch.org/docs/stable/distributions.html#studentt

    >>> import tapegrad as tg
    >>> StudentT(tg.tensor([4.0])).variance
    tensor([2.])
    """

    arg_constraints: ClassVar = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _ranks: ClassVar = {"df": 0, "loc": 0, "scale": 0}
    df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None):
        super().__init__(self._broadcast(df=df, loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return ops.where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        df = ops.where(self.df > 2, self.df, 3.0)
        variance = ops.square(self.scale) * df / (df - 2)
        return ops.where(self.df > 2, variance, ops.where(self.df > 1, math.inf, math.nan).to(variance.dtype))

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        normal = _standard_normal(self._extended_shape(sample_shape), self.df.dtype)
        chi2 = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * normal * ops.rsqrt(chi2 / self.df)

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        scale = ops.log(self.scale) + 0.5 * ops.log(self.df) + 0.5 * math.log(math.pi)
        gammas = ops.lgamma(0.5 * self.df) - ops.lgamma(0.5 * (self.df + 1))
        return -0.5 * (self.df + 1) * ops.log1p(ops.square(z) / self.df) - scale - gammas

    def entropy(self) -> Tensor:
        half, next_half = 0.5 * self.df, 0.5 * (self.df + 1)
        beta = ops.lgamma(half) + math.lgamma(0.5) - ops.lgamma(next_half)
        spread = next_half * (ops.digamma(next_half) - ops.digamma(half))
        return ops.log(self.scale) + spread + 0.5 * ops.log(self.df) + beta
