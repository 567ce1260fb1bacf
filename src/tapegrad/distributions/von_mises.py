"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops, special
from ..core import Size, Tensor, no_grad
from . import constraints
from .distribution import Distribution
from .utils import _drawn

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles around ``loc``, in radians: p(x) ∝ exp(concentration cos(x - loc)). Samples lie in [-π, π).

    Source: https://pytorch.org/docs/stable/distributions.html#vonmises

    >>> import tapegrad as tg
    >>> VonMises(tg.tensor([1.0]), tg.tensor([4.0])).mean
    tensor([1.])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _ranks: ClassVar = {"loc": 0, "concentration": 0}
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None):
        super().__init__(self._broadcast(loc=loc, concentration=concentration), validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        # I₀ without its exponential growth, which the cosine takes up.
        fall = self.concentration * (ops.cos(self._checked(value) - self.loc) - 1)
        return fall - math.log(2 * math.pi) - ops.log(special.i0e(self.concentration))

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            shape = tuple(self._extended_shape(sample_shape))
            drawn = _drawn("vonmises", shape, ops.zeros_like(self.loc), self.concentration)
            return (drawn + self.loc + math.pi) % (2 * math.pi) - math.pi

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance, 1 - I₁ / I₀."""
        return 1 - special.i1e(self.concentration) / special.i0e(self.concentration)
