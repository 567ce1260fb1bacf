"""The binomial distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..errors import MissingMethodError
from . import constraints
from .chances import BINARY, Chances
from .utils import _softplus

__all__ = ["Binomial"]


class Binomial(Chances):
    """The number of successes among ``total_count`` trials, each with the probability ``probs``.

    Source: https://pytorch.org/docs/stable/distributions.html#binomial

    >>> import tapegrad as tg
    >>> Binomial(4, tg.tensor([0.25])).mean
    tensor([1.])
    """

    arg_constraints: ClassVar = {"total_count": constraints.nonnegative_integer, **BINARY}
    has_enumerate_support = True
    _ranks: ClassVar = {"total_count": 0, "probs": 0, "logits": 0}
    total_count: Tensor

    def __init__(
        self,
        total_count: Any = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        shape = self._take(probs, logits, total_count=total_count)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ops.minimum(ops.floor((self.total_count + 1) * self.probs), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return ops.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value, n = self._checked(value), self.total_count
        choices = ops.lgamma(n + 1) - ops.lgamma(value + 1) - ops.lgamma(n - value + 1)
        return choices + value * self.logits - n * _softplus(self.logits)

    def entropy(self) -> Tensor:
        n = int(self.total_count.max())
        if not bool((self.total_count == n).all()):
            raise MissingMethodError("Binomial", "the entropy of batches of unlike total_count", "split the batch")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(ops.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = int(self.total_count.max())
        if not bool((self.total_count == n).all()):
            raise MissingMethodError("Binomial", "the support of batches of unlike total_count", "split the batch")
        return self._enumerated(ops.arange(n + 1, dtype=self._param.dtype), expand)
