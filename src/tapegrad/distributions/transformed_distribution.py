"""Distributions of transformed samples."""

from __future__ import annotations

from typing import Any, ClassVar

from ..core import Size, Tensor, no_grad
from ..errors import ArgumentError
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transform import ComposeTransform, Transform
from .utils import _size, _sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of y = t(x) for samples x of another: ln p(y) = ln p(x) - ln |dy/dx|.

    ``transforms``: one transform or a list, applied one after the other.
    Raises ArgumentError (a ValueError) for what is no transform, and for a base of too few dimensions.
    Source: https://pytorch.org/docs/stable/distributions.html#transformeddistribution

    >>> import tapegrad as tg
    >>> D = tg.distributions
    >>> d = TransformedDistribution(D.Normal(0.0, 1.0), [D.ExpTransform()])
    >>> d.log_prob(tg.tensor(1.0))
    tensor(-0.9189)
    """

    arg_constraints: ClassVar = {}

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ):
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list) or not all(isinstance(t, Transform) for t in self.transforms):
            raise ArgumentError(
                type(self).__name__, f"transforms is {transforms!r}", "pass a Transform or a list of Transforms"
            )
        shape = base_distribution.batch_shape + base_distribution.event_shape
        transform = ComposeTransform(self.transforms)
        if len(shape) < transform.domain.event_dim:
            raise ArgumentError(
                type(self).__name__,
                f"the base distribution's samples have the shape {tuple(shape)}",
                f"base_distribution needs at least {transform.domain.event_dim} dimensions",
            )
        self.base_dist = self._fitting(base_distribution, transform, shape)
        event_dim = self._event_dim(transform)
        forward = _size(transform.forward_shape(shape))
        cut = len(forward) - event_dim
        super().__init__(forward[:cut], forward[cut:], validate_args=validate_args)

    @staticmethod
    def _fitting(base: Distribution, transform: Transform, shape: Size) -> Distribution:
        """Return the base with the batch that the transform's parameters ask for, and its event as their domain's."""
        wanted = _size(transform.inverse_shape(transform.forward_shape(shape)))
        events = len(base.event_shape)
        if shape != wanted:
            base = base.expand(wanted[: len(wanted) - events])
        extra = transform.domain.event_dim - events
        return Independent(base, extra) if extra > 0 else base

    def _event_dim(self, transform: Transform) -> int:
        change = transform.codomain.event_dim - transform.domain.event_dim
        return max(transform.codomain.event_dim, len(self.base_dist.event_shape) + change)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        owner = next(c for c in type(self).__mro__ if "__init__" in vars(c) and c.__module__.startswith(_PACKAGE))
        new = self._get_checked_instance(owner, _instance)
        batch_shape = _size(batch_shape)
        whole = _size(ComposeTransform(self.transforms).inverse_shape(batch_shape + self._event_shape))
        base = self.base_dist.expand(whole[: len(whole) - len(self.base_dist.event_shape)])
        for name, value in vars(self).items():
            if name in self._ranks:
                setattr(new, name, value.expand(batch_shape + value.shape[value.ndim - self._ranks[name] :]))
            else:
                vars(new).setdefault(name, value)
        new.base_dist, new.transforms = base, list(self.transforms)
        new._batch_shape = batch_shape
        return new

    def _has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    def _support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self._event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    # Subclasses put plain values in their place.
    has_rsample: Any = property(_has_rsample)
    support: Any = constraints.dependent_property(_support, is_discrete=False)

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        return self._forward(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        y = self._checked(value)
        event_dim = len(self._event_shape)
        jacobian: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(x, y)
            jacobian = jacobian + _sum_rightmost(term, event_dim - transform.domain.event_dim)
            y = x
        return _sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape)) - jacobian

    def _sign(self) -> Any:
        """Return 1 or -1: whether the transforms together grow or fall."""
        return ComposeTransform(self.transforms).sign

    def _reflected(self, value: Tensor) -> Tensor:
        """Return the probability of the other side where the transforms fall."""
        sign = self._sign()
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._reflected(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._reflected(value)))


_PACKAGE = TransformedDistribution.__module__.rpartition(".")[0]
