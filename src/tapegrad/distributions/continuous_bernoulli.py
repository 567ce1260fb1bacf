"""The continuous Bernoulli distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..functional import binary_cross_entropy_with_logits
from . import constraints
from .chances import BINARY, Chances
from .exp_family import ExponentialFamily
from .utils import _uniform, clamp_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Chances, ExponentialFamily):
    """Numbers between 0 and 1 with p(x) ∝ probsˣ (1 - probs)¹⁻ˣ.

    ``lims``: between these, the formulas that divide by 1 - 2 probs are replaced by their Taylor series around 1/2.
    Source: G. Loaiza-Ganem and J. Cunningham, "The continuous Bernoulli" (2019).

    >>> import tapegrad as tg
    >>> ContinuousBernoulli(tg.tensor([0.5])).mean
    tensor([0.5000])
    """

    arg_constraints = BINARY
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _ranks: ClassVar = {"probs": 0, "logits": 0}

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ):
        shape = self._take(probs, logits)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)
        if self._given == "probs":
            self.probs = clamp_probs(self.probs)

    def _split(self) -> tuple[Tensor, Tensor]:
        """Return where the formulas hold, and the probabilities there, others replaced by one where they hold."""
        holds = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return holds, ops.where(holds, self.probs, self._lims[0])

    def _log_constant(self) -> Tensor:
        """Return the logarithm of what the density is scaled by: 2 artanh(1 - 2p) / (1 - 2p)."""
        holds, p = self._split()
        below, above = ops.where(p <= 0.5, p, 0.0), ops.where(p <= 0.5, 1.0, p)
        distance = ops.where(p <= 0.5, ops.log1p(-2 * below), ops.log(2 * above - 1))
        exact = ops.log(ops.abs(ops.log1p(-p) - ops.log(p))) - distance
        x = ops.square(self.probs - 0.5)
        return ops.where(holds, exact, 0.6931471805599453 + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Tensor:
        holds, p = self._split()
        exact = p / (2 * p - 1) + 1 / (ops.log1p(-p) - ops.log(p))
        x = self.probs - 0.5
        return ops.where(holds, exact, 0.5 + (1 / 3 + 16 / 45 * ops.square(x)) * x)

    @property
    def stddev(self) -> Tensor:
        return ops.sqrt(self.variance)

    @property
    def variance(self) -> Tensor:
        holds, p = self._split()
        exact = p * (p - 1) / ops.square(1 - 2 * p) + 1 / ops.square(ops.log1p(-p) - ops.log(p))
        x = ops.square(self.probs - 0.5)
        return ops.where(holds, exact, 1 / 12 - (1 / 15 - 128 / 945 * x) * x)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self.icdf(_uniform(self._extended_shape(sample_shape), self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = ops.broadcast_tensors(self.logits, self._checked(value))
        return self._log_constant() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        holds, p = self._split()
        grown = ops.pow(p, value) * ops.pow(1 - p, 1 - value)
        inside = ops.where(holds, (grown + p - 1) / (2 * p - 1), value)
        return ops.where(value <= 0, 0.0, ops.where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        holds, p = self._split()
        exact = ops.log1p(-p + value * (2 * p - 1)) - ops.log1p(-p)
        return ops.where(holds, exact / (ops.log(p) - ops.log1p(-p)), value)

    def entropy(self) -> Tensor:
        log0 = ops.log1p(-self.probs)
        return self.mean * (log0 - ops.log(self.probs)) - self._log_constant() - log0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        holds = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        safe = ops.where(holds, x, self._lims[0] - 0.5)
        series = 0.5 * x + ops.square(x) / 24 - ops.pow(x, 4) / 2880
        return ops.where(holds, ops.log(ops.abs(ops.expm1(safe))) - ops.log(ops.abs(safe)), series)
