"""The categorical distribution with one-hot samples."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .categorical import Categorical
from .chances import VECTOR
from .distribution import Distribution

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(Distribution):
    """One of n one-hot vectors, with the probabilities in the last dimension of ``probs`` or ``logits``.

    Source: https://pytorch.org/docs/stable/distributions.html#onehotcategorical

    >>> import tapegrad as tg
    >>> OneHotCategorical(tg.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    arg_constraints = VECTOR
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None):
        self._categorical = Categorical(probs, logits, validate_args=validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(OneHotCategorical, _instance)
        new._categorical = self._categorical.expand(batch_shape)
        new._batch_shape, new._event_shape = new._categorical.batch_shape, self._event_shape
        new._validate_args = self._validate_args
        return new

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def mean(self) -> Tensor:
        return self._categorical.probs

    def _one_hot(self, index: Tensor) -> Tensor:
        n = self._event_shape[0]
        return (index.unsqueeze(-1) == ops.arange(n)).to(self._param.dtype)

    @property
    def mode(self) -> Tensor:
        return self._one_hot(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    @property
    def param_shape(self) -> Size:
        """The shape of the probabilities."""
        return self._categorical.param_shape

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return self._categorical.log_prob(ops.argmax(self._checked(value), -1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._event_shape[0]
        values = ops.eye(n, dtype=self._param.dtype).reshape((n, *(1 for _ in self._batch_shape), n))
        return values.expand((n, *self._batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """:class:`OneHotCategorical` whose ``rsample`` has the gradients of the probabilities.

    Source: Y. Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons" (2013).

    >>> import tapegrad as tg
    >>> OneHotCategoricalStraightThrough(tg.tensor([0.0, 1.0])).rsample()
    tensor([0., 1.])
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        probs = self._categorical.probs
        return self.sample(sample_shape) + (probs - probs.detach())
