"""What the distributions share that take either probabilities or logits."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core import Size, Tensor
from ..errors import ArgumentError
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, logits_to_probs, probs_to_logits


class Chances(Distribution):
    """A distribution given by probabilities or by logits; the other of the two is computed when it is asked for."""

    _is_binary = True

    def _take(self, probs: Any, logits: Any, **others: Any) -> Size:
        """Set what is given, brought to one shape with other parameters, and return that shape."""
        name = self._which(probs, logits)
        return self._broadcast(**others, **{name: probs if logits is None else logits})

    def _which(self, probs: Any, logits: Any) -> str:
        if (probs is None) == (logits is None):
            raise ArgumentError(
                type(self).__name__,
                "Either `probs` or `logits` must be specified, but not both",
                "give one of them",
            )
        self._given = "probs" if logits is None else "logits"
        return self._given

    @property
    def _param(self) -> Tensor:
        """What was given."""
        return getattr(self, self._given)

    @lazy_property
    def logits(self) -> Tensor:
        """The log-odds, or the logarithms of the probabilities."""
        return probs_to_logits(self.probs, self._is_binary)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits, self._is_binary)

    @property
    def param_shape(self) -> Size:
        """The shape of what was given."""
        return self._param.shape


BINARY = {"probs": constraints.unit_interval, "logits": constraints.real}
VECTOR = {"probs": constraints.simplex, "logits": constraints.real_vector}


class Categories(Chances):
    """Probabilities or logits in the last dimension: they are scaled to sum up to 1."""

    _is_binary = False

    def _take_categories(self, probs: Tensor | None, logits: Tensor | None) -> Size:
        """Set what is given, scaled, and return the shape of the batch."""
        self._which(probs, logits)
        given: Any = probs if logits is None else logits
        if given.ndim < 1:
            raise ArgumentError(
                type(self).__name__,
                f"`{self._given}` parameter must be at least one-dimensional",
                "put the categories in its last dimension",
            )
        if logits is None:
            self.probs = given / given.sum(-1, keepdim=True)
        else:
            self.logits = given - ops.logsumexp(given, -1, keepdim=True)
        return self._param.shape[:-1]

    @property
    def _num_events(self) -> int:
        return self._param.shape[-1]
