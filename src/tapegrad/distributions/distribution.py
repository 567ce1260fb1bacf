"""The base of the distributions: shapes, validation of parameters and samples, expansion."""

from __future__ import annotations

import copy
import warnings
from typing import Any, ClassVar

from .. import ops
from ..core import Size, Tensor, no_grad
from ..errors import ArgumentError, MissingMethodError, warn
from . import constraints
from .utils import _size, broadcast_all, lazy_property

__all__ = ["Distribution"]


def _missing(self: Distribution, what: str) -> MissingMethodError:
    return MissingMethodError(
        type(self).__name__, f"{type(self)} does not implement {what}", "estimate it from samples"
    )


class Distribution:
    """A probability distribution, or a batch of them.

    ``batch_shape``: the shape of the parameters; ``event_shape``: that of one sample of one of them.
    ``validate_args``: whether parameters and values are checked; None means the default, see
    :meth:`set_default_validate_args`. A subclass names in ``arg_constraints`` what its parameters have to satisfy.
    Raises ArgumentError (a ValueError) for parameters that do not, naming the constraint.
    Source: https://pytorch.org/docs/stable/distributions.html#distribution

    >>> import tapegrad as tg
    >>> tg.distributions.Normal(tg.zeros(3), 1.0).batch_shape
    tapegrad.Size([3])
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__
    # What :meth:`expand` expands: the names of the parameters, and how many dimensions of each belong to an event.
    _ranks: ClassVar[dict[str, int]] = {}

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether parameters and values are checked where ``validate_args`` is not given: by default they are."""
        if value not in (True, False):
            raise ArgumentError("set_default_validate_args", f"value is {value!r}", "pass True or False")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = Size(()), event_shape: Any = Size(()), validate_args: bool | None = None):  # noqa: B008
        self._batch_shape = _size(batch_shape)
        self._event_shape = _size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        who = type(self).__name__
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warn(who, "it does not define arg_constraints", "set arg_constraints = {}, or pass validate_args=False")
            return
        for name, constraint in wanted.items():
            computed = name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property)
            if computed or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ArgumentError(
                    who,
                    f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of distribution {self!r} "
                    f"to satisfy the constraint {constraint!r}, but found invalid values:\n{value}",
                    f"clamp or transform {name} into the constraint's region",
                )

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """Return the instance to fill in: the one that a subclass has made, or a new one of this class."""
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:
            raise MissingMethodError(
                type(self).__name__, "a subclass with its own __init__ has no expand", "write expand(batch_shape)"
            )
        return type(self).__new__(type(self))

    def _broadcast(self, **parameters: Any) -> Size:
        """Set parameters as attributes, brought to one shape, and return that shape."""
        values = broadcast_all(*parameters.values())
        vars(self).update(zip(parameters, values, strict=True))
        return values[0].shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded to a shape; the parameters share their memory.

        Raises MissingMethodError (a NotImplementedError) for a subclass that does not say how.
        """
        owner = next((c for c in type(self).__mro__ if vars(c).get("_ranks")), None)
        if owner is None:
            raise _missing(self, "expand")
        new = self._get_checked_instance(owner, _instance)
        batch_shape = _size(batch_shape)
        for name, value in vars(self).items():
            if name in self._ranks:
                event = value.shape[value.ndim - self._ranks[name] :]
                setattr(new, name, value.expand(batch_shape + event))
            elif not isinstance(getattr(type(self), name, None), lazy_property):
                vars(new).setdefault(name, copy.copy(value) if isinstance(value, list) else value)
        new._batch_shape = batch_shape
        return new

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution."""
        return self._event_shape

    def _arg_constraints(self) -> dict[str, constraints.Constraint]:
        """The constraints of the parameters, by name."""
        raise _missing(self, "arg_constraints")

    def _support(self) -> constraints.Constraint:
        """The constraint that the values satisfy."""
        raise _missing(self, "support")

    # Subclasses put plain values in their place.
    arg_constraints: Any = property(_arg_constraints)
    support: Any = property(_support)

    @property
    def mean(self) -> Tensor:
        """The mean, of shape ``batch_shape + event_shape``."""
        raise _missing(self, "mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value, of shape ``batch_shape + event_shape``."""
        raise _missing(self, "mode")

    @property
    def variance(self) -> Tensor:
        """The variance, of shape ``batch_shape + event_shape``."""
        raise _missing(self, "variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation, of shape ``batch_shape + event_shape``."""
        return ops.sqrt(self.variance)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        """Return samples, of shape ``sample_shape + batch_shape + event_shape``, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        """Return samples with gradients to the parameters, where ``has_rsample``."""
        raise _missing(self, "rsample")

    def sample_n(self, n: int) -> Tensor:
        """Return n samples: what ``sample((n,))`` returns, which is to be used instead."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density, or of the probability of a discrete value, of shape ``batch_shape``."""
        raise _missing(self, "log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of samples of at most ``value``."""
        raise _missing(self, "cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value of which :meth:`cdf` is ``value``."""
        raise _missing(self, "icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all values of a discrete distribution along a first dimension; the same for the whole batch.

        ``expand`` False leaves the dimensions of the batch at size 1.
        """
        raise _missing(self, "enumerate_support")

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """Return numbers along a new first dimension, before those of the batch."""
        values = values.reshape((-1, *(1 for _ in self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def entropy(self) -> Tensor:
        """Return the entropy in nats, of shape ``batch_shape``."""
        raise _missing(self, "entropy")

    def perplexity(self) -> Tensor:
        """Return the exponential of the entropy."""
        return ops.exp(self.entropy())

    def _extended_shape(self, sample_shape: Any = Size(())) -> Size:  # noqa: B008
        """Return the shape of samples."""
        return _size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value: Tensor) -> None:
        """Raise ArgumentError for a value that has not the shape of a sample, or lies outside of the support."""
        who = type(self).__name__
        if not isinstance(value, Tensor):
            raise ArgumentError(who, f"the value argument is a {type(value).__name__}", "pass a Tensor")
        shape, wanted = tuple(value.shape), self._batch_shape + self._event_shape
        events = len(self._event_shape)
        if shape[max(len(shape) - events, 0) :] != tuple(self._event_shape):
            raise ArgumentError(
                who,
                f"the right-most sizes of a value of shape {shape} are not event_shape",
                f"end the shape in {tuple(self._event_shape)}",
            )
        for have, want in zip(reversed(shape), reversed(wanted), strict=False):
            if have != want and 1 not in (have, want):
                raise ArgumentError(
                    who,
                    f"a value of shape {shape} is not broadcastable with batch_shape + event_shape",
                    f"which is {tuple(wanted)}",
                )
        try:
            support = self.support
        except NotImplementedError:
            warn(who, "it does not define support", "define it, or pass validate_args=False")
            return
        if not bool(support.check(value).all()):
            raise ArgumentError(
                who,
                f"Expected value argument (Tensor of shape {shape}) to be within the support ({support!r}) "
                f"of the distribution {self!r}, but found invalid values:\n{value}",
                "pass values inside, or validate_args=False",
            )

    def _checked(self, value: Any) -> Any:
        """Return a value to score, validated if this distribution is."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self) -> str:
        own = {name: value for name in self.arg_constraints if (value := vars(self).get(name)) is not None}
        shown = (f"{name}: {value if value.numel() == 1 else value.size()}" for name, value in own.items())
        return f"{type(self).__name__}({', '.join(shown)})"
