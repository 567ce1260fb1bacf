"""The geometric distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..errors import ArgumentError
from ..functional import binary_cross_entropy_with_logits
from . import constraints
from .chances import BINARY, Chances
from .utils import _uniform

__all__ = ["Geometric"]


class Geometric(Chances):
    """The number of failures before the first success, which has the probability ``probs``: p(k) = (1 - p)ᵏ p.

    Source: https://pytorch.org/docs/stable/distributions.html#geometric

    >>> import tapegrad as tg
    >>> Geometric(tg.tensor([0.25])).mean
    tensor([3.])
    """

    arg_constraints = BINARY
    support = constraints.nonnegative_integer
    _ranks: ClassVar = {"probs": 0, "logits": 0}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and self._given == "probs" and not bool((self.probs > 0).all()):
            raise ArgumentError(
                "Geometric",
                f"Expected parameter probs of distribution {self!r} to be positive, but found invalid values:\n"
                f"{self.probs}",
                "success must be possible",
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return ops.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            drawn = _uniform(self._extended_shape(sample_shape), self.probs.dtype)
            return ops.floor(ops.log(drawn) / ops.log1p(-self.probs))

    def log_prob(self, value: Tensor) -> Tensor:
        value, probs = ops.broadcast_tensors(self._checked(value), self.probs)
        # What never fails has no logarithm, and needs none for 0 failures.
        certain = (probs == 1) & (value == 0)
        return value * ops.log1p(-ops.where(certain, 0.0, probs)) + ops.log(self.probs)

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
