"""Fisher and Snedecor's F-distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from ..ops.convert import finfo
from . import constraints
from .distribution import Distribution
from .gamma import Gamma

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared numbers, each over its degrees of freedom ``df1``, ``df2``.

    Source: https://pytorch.org/docs/stable/distributions.html#fishersnedecor

    >>> import tapegrad as tg
    >>> FisherSnedecor(tg.tensor([1.0]), tg.tensor([4.0])).mean
    tensor([2.])
    """

    arg_constraints: ClassVar = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _ranks: ClassVar = {"df1": 0, "df2": 0}
    df1: Tensor
    df2: Tensor

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(df1=df1, df2=df2), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        df2 = ops.where(self.df2 > 2, self.df2, float("nan"))
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return ops.where(self.df1 > 2, mode, float("nan"))

    @property
    def variance(self) -> Tensor:
        n, m = self.df1, ops.where(self.df2 > 4, self.df2, float("nan"))
        return 2 * ops.square(m) * (n + m - 2) / (n * ops.square(m - 2) * (m - 4))

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        above = Gamma(self.df1 * 0.5, self.df1, validate_args=False).rsample(sample_shape)
        below = Gamma(self.df2 * 0.5, self.df2, validate_args=False).rsample(sample_shape)
        tiny = finfo(below.dtype).tiny
        return ops.clamp(above / ops.clamp(below, min=tiny), min=tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        a, b, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        beta = ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b)
        return a * ops.log(ratio) + (a - 1) * ops.log(value) - (a + b) * ops.log1p(ratio * value) - beta
