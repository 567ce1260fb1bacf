"""The categorical distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..ops.convert import finfo
from . import constraints
from .chances import VECTOR, Categories

__all__ = ["Categorical"]


class Categorical(Categories):
    """One of the integers from 0 to n - 1, with the probabilities in the last dimension of ``probs`` or ``logits``.

    ``probs`` need not sum up to 1, ``logits`` are any numbers: both are scaled.
    Source: https://pytorch.org/docs/stable/distributions.html#categorical

    >>> import tapegrad as tg
    >>> Categorical(tg.tensor([1.0, 3.0])).log_prob(tg.tensor(1)).exp()
    tensor(0.7500)
    """

    arg_constraints = VECTOR
    has_enumerate_support = True
    _ranks: ClassVar = {"probs": 1, "logits": 1}

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None):
        super().__init__(self._take_categories(probs, logits), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return ops.full(tuple(self._batch_shape), float("nan"), dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return ops.argmax(self.probs, -1)

    @property
    def variance(self) -> Tensor:
        return self.mean

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        with no_grad():
            probs = self.probs.detach()
            if probs.ndim == 1:
                return ops.multinomial(probs, max(shape.numel(), 1), True)[: shape.numel()].reshape(tuple(shape))
            # How many of the running sums lie at or below a number drawn from [0, their last).
            sums = ops.cumsum(probs.double(), -1)
            drawn = ops.rand(tuple(shape), dtype="float64").unsqueeze(-1) * sums[..., -1:]
            return (drawn >= sums[..., :-1]).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value).long().unsqueeze(-1)
        shape = ops.broadcast_shapes(tuple(value.shape[:-1]), tuple(self._batch_shape))
        logits = self.logits.expand((*shape, self._num_events))
        return logits.gather(-1, value.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        # Logits of -inf, for what never happens, add nothing.
        logits = ops.clamp(self.logits, min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(ops.arange(self._num_events), expand)
