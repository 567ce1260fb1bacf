"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..functional import logsigmoid
from . import constraints
from .chances import Chances
from .gamma import Gamma

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Chances):
    """The number of successes, of the probability ``probs`` each, before ``total_count`` failures.

    Source: https://pytorch.org/docs/stable/distributions.html#negativebinomial

    >>> import tapegrad as tg
    >>> NegativeBinomial(3, tg.tensor([0.5])).mean
    tensor([3.])
    """

    arg_constraints: ClassVar = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _ranks: ClassVar = {"total_count": 0, "probs": 0, "logits": 0}
    total_count: Tensor

    def __init__(
        self,
        total_count: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        shape = self._take(probs, logits, total_count=total_count)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * ops.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ops.clamp(ops.floor((self.total_count - 1) * ops.exp(self.logits)), min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / ops.sigmoid(-self.logits)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            rates = Gamma(self.total_count, ops.exp(-self.logits), validate_args=False)
            return ops.poisson(rates.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value, n = self._checked(value), self.total_count
        unnormalized = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        constant = ops.lgamma(value + 1) + ops.lgamma(n) - ops.lgamma(n + value)
        # No failure wanted: 0 successes for certain.
        return unnormalized - ops.where((n == 0) & (value == 0), 0.0, constant)
