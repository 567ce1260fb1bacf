"""The multinomial distribution."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core import Size, Tensor, no_grad
from ..errors import MissingMethodError
from ..ops.convert import finfo
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .chances import VECTOR
from .distribution import Distribution

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each category comes up among ``total_count`` draws, with the probabilities in the last dimension.

    Source: https://pytorch.org/docs/stable/distributions.html#multinomial

    >>> import tapegrad as tg
    >>> Multinomial(8, tg.tensor([1.0, 3.0])).mean
    tensor([2., 6.])
    """

    arg_constraints = VECTOR
    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if not isinstance(total_count, int):
            raise MissingMethodError("Multinomial", "inhomogeneous total_count is not supported", "pass an int")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits, validate_args=validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Multinomial:
        new = self._get_checked_instance(Multinomial, _instance)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        new._batch_shape, new._event_shape = new._categorical.batch_shape, self._event_shape
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:  # type: ignore[override]
        return constraints.multinomial(self.total_count)

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def param_shape(self) -> Size:
        """The shape of the probabilities."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        with no_grad():
            # Each category's share of the draws that those before it have left.
            left = ops.full(tuple(shape[:-1]), float(self.total_count), dtype=self.probs.dtype)
            rest = ops.flip(ops.cumsum(ops.flip(self.probs, (-1,)), -1), (-1,))
            shares = ops.clamp(self.probs / ops.clamp(rest, min=finfo(rest.dtype).tiny), 0, 1)
            counts = []
            for i in range(shape[-1] - 1):
                counts.append(ops.binomial(left, shares[..., i].expand(left.shape)))
                left = left - counts[-1]
            counts.append(left)
            return ops.stack(counts, -1)

    def entropy(self) -> Tensor:
        n = self.total_count
        counts = Binomial(n, self.probs, validate_args=False)
        values = counts.enumerate_support(expand=False)[1:]
        weighted = (ops.exp(counts.log_prob(values)) * ops.lgamma(values + 1)).sum(0).sum(-1)
        return n * self._categorical.entropy() - ops.lgamma(ops.full((), n + 1.0, dtype=weighted.dtype)) + weighted

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = ops.broadcast_tensors(self.logits, self._checked(value))
        # What never happens has happened 0 times: 0 · -inf counts as 0.
        logits = ops.where((value == 0) & (logits == -float("inf")), 0.0, logits)
        arrangements = ops.lgamma(value.sum(-1) + 1) - ops.lgamma(value + 1).sum(-1)
        return arrangements + (logits * value).sum(-1)
