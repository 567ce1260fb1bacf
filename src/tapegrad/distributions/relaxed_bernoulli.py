"""The relaxed Bernoulli distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor
from . import constraints
from .chances import BINARY, Chances
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import _softplus, _uniform, clamp_probs

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(Chances):
    """The log-odds of :class:`RelaxedBernoulli` samples: (logits + logistic noise) / temperature.

    Source: C. Maddison et al., "The Concrete Distribution" (2017).

    >>> import tapegrad as tg
    >>> LogitRelaxedBernoulli(tg.tensor(2.0), logits=tg.zeros(3)).batch_shape
    tapegrad.Size([3])
    """

    arg_constraints = BINARY
    support = constraints.real
    has_rsample = True
    _ranks: ClassVar = {"probs": 0, "logits": 0}

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        self.temperature = temperature
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        logits = self.logits
        drawn = clamp_probs(_uniform(self._extended_shape(sample_shape), logits.dtype))
        return (ops.log(drawn) - ops.log1p(-drawn) + logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        temperature = ops.full((), self.temperature) if isinstance(self.temperature, (int, float)) else self.temperature
        difference = self.logits - self._checked(value) * self.temperature
        return ops.log(temperature) + difference - 2 * _softplus(difference)


class RelaxedBernoulli(TransformedDistribution):
    """Numbers between 0 and 1 that come near to either with a falling ``temperature``, with gradients.

    Source: C. Maddison et al., "The Concrete Distribution" (2017).

    >>> import tapegrad as tg
    >>> RelaxedBernoulli(tg.tensor(2.0), probs=tg.tensor([0.2, 0.8])).sample().shape
    tapegrad.Size([2])
    """

    arg_constraints = BINARY
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        """How far from 0 and 1 the samples lie."""
        return self.base_dist.temperature  # type: ignore[attr-defined]

    @property
    def logits(self) -> Tensor:
        """The log-odds."""
        return self.base_dist.logits  # type: ignore[attr-defined]

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs  # type: ignore[attr-defined]
