"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..errors import ArgumentError
from ..ops.fused import log_softmax
from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .utils import _size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A mixture: the last batch dimension of the components is that of the categories which choose among them.

    Raises ArgumentError (a ValueError) when their shapes do not fit, or the mixture is no Categorical.
    Source: https://pytorch.org/docs/stable/distributions.html#mixturesamefamily

    >>> import tapegrad as tg
    >>> D = tg.distributions
    >>> MixtureSameFamily(D.Categorical(tg.ones(2)), D.Normal(tg.tensor([0.0, 2.0]), 1.0)).mean
    tensor(1.)
    """

    arg_constraints: ClassVar = {}
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ):
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        self._require_fit()
        self._num_component = component_distribution.batch_shape[-1]
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(component_distribution.batch_shape[:-1], component_distribution.event_shape, validate_args)

    def _require_fit(self) -> None:
        who, mixture, components = "MixtureSameFamily", self._mixture_distribution, self._component_distribution
        if not isinstance(mixture, Categorical):
            raise ArgumentError(who, f"the mixture is a {type(mixture).__name__}", "pass a Categorical")
        if not isinstance(components, Distribution):
            raise ArgumentError(who, f"the components are a {type(components).__name__}", "pass a Distribution")
        batch = tuple(components.batch_shape)
        if not batch:
            raise ArgumentError(who, "the components have no batch", "give them one, of the number of categories")
        for have, want in zip(reversed(mixture.batch_shape), reversed(batch[:-1]), strict=False):
            if have != want and 1 not in (have, want):
                raise ArgumentError(
                    who, f"the batch shapes {tuple(mixture.batch_shape)} and {batch[:-1]}", "make them compatible"
                )
        if mixture.param_shape[-1] != batch[-1]:
            raise ArgumentError(
                who, f"{mixture.param_shape[-1]} categories for {batch[-1]} components", "make them equal"
            )

    def expand(self, batch_shape: Any, _instance: Any = None) -> MixtureSameFamily:
        batch_shape = _size(batch_shape)
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        new._component_distribution = self._component_distribution.expand((*batch_shape, self._num_component))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        new._batch_shape, new._event_shape = batch_shape, self._event_shape
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> Any:  # type: ignore[override]
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The categories that choose."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def _weights(self) -> Tensor:
        """Return the categories' probabilities, with the dimensions of events after them."""
        probs = self._mixture_distribution.probs
        return probs.reshape((*probs.shape, *(1 for _ in self._event_shape)))

    def _average(self, value: Tensor) -> Tensor:
        return (self._weights() * value).sum(-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._average(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        centre = self.mean.unsqueeze(-1 - self._event_ndims)
        between = self._average(ops.square(self._component_distribution.mean - centre))
        return self._average(self._component_distribution.variance) + between

    def _spread(self, value: Tensor) -> Tensor:
        """Return values with the components' dimension, of size 1."""
        return value.unsqueeze(-1 - self._event_ndims)

    def cdf(self, value: Tensor) -> Tensor:
        each = self._component_distribution.cdf(self._spread(self._checked(value)))
        return (each * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        each = self._component_distribution.log_prob(self._spread(self._checked(value)))
        return ops.logsumexp(each + log_softmax(self._mixture_distribution.logits, dim=-1), -1)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            samples = self._component_distribution.sample(sample_shape)
            batch = tuple(_size(sample_shape) + self._batch_shape)
            ones = (1,) * self._event_ndims
            chosen = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            index = chosen.reshape((*batch, 1, *ones)).expand((*batch, 1, *self._event_shape))
            dim = samples.ndim - self._event_ndims - 1
            return samples.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution!r},\n  {self._component_distribution!r})"
