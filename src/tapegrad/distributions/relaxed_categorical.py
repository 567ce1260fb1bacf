"""The relaxed categorical distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .chances import VECTOR, Categories
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform
from .utils import _uniform, clamp_probs

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Categories):
    """The logarithms of :class:`RelaxedOneHotCategorical` samples.

    Source: C. Maddison et al., "The Concrete Distribution" (2017).

    >>> import tapegrad as tg
    >>> ExpRelaxedCategorical(tg.tensor(2.0), logits=tg.zeros(3)).event_shape
    tapegrad.Size([3])
    """

    arg_constraints = VECTOR
    support = constraints.real_vector
    has_rsample = True
    _ranks: ClassVar = {"probs": 1, "logits": 1}

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        self.temperature = temperature
        batch_shape = self._take_categories(probs, logits)
        super().__init__(batch_shape, self._param.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        drawn = clamp_probs(_uniform(self._extended_shape(sample_shape), self.logits.dtype))
        scores = (self.logits - ops.log(-ops.log(drawn))) / self.temperature
        return scores - ops.logsumexp(scores, -1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        n = self._num_events
        logits, value = ops.broadcast_tensors(self.logits, self._checked(value))
        temperature = (
            math.log(self.temperature) if isinstance(self.temperature, (int, float)) else ops.log(self.temperature)
        )
        scores = logits - value * self.temperature
        scale = math.lgamma(n) + (n - 1) * temperature
        return (scores - ops.logsumexp(scores, -1, keepdim=True)).sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """Points of the simplex that come near to its corners with a falling ``temperature``, with gradients.

    Source: E. Jang et al., "Categorical Reparameterization with Gumbel-Softmax" (2017).

    >>> import tapegrad as tg
    >>> RelaxedOneHotCategorical(tg.tensor(2.0), probs=tg.tensor([0.2, 0.8])).sample().sum().round()
    tensor(1.)
    """

    arg_constraints = VECTOR
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        """How far from the corners the samples lie."""
        return self.base_dist.temperature  # type: ignore[attr-defined]

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.base_dist.logits  # type: ignore[attr-defined]

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs  # type: ignore[attr-defined]
