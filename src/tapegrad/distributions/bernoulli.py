"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..functional import binary_cross_entropy_with_logits
from . import constraints
from .chances import BINARY, Chances
from .exp_family import ExponentialFamily
from .utils import _softplus

__all__ = ["Bernoulli"]


class Bernoulli(Chances, ExponentialFamily):
    """1 with the probability ``probs``, whose log-odds are ``logits``, else 0: p(x) = pˣ (1 - p)¹⁻ˣ.

    Source: https://pytorch.org/docs/stable/distributions.html#bernoulli

    >>> import tapegrad as tg
    >>> Bernoulli(tg.tensor([0.25])).log_prob(tg.tensor([1.0])).exp()
    tensor([0.2500])
    """

    arg_constraints = BINARY
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _ranks: ClassVar = {"probs": 0, "logits": 0}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        mode = (self.probs >= 0.5).to(self.probs)
        return ops.where(self.probs == 0.5, float("nan"), mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            return ops.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = ops.broadcast_tensors(self.logits, self._checked(value))
        return -binary_cross_entropy_with_logits(logits, value.to(logits.dtype), reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(ops.arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return _softplus(x)
