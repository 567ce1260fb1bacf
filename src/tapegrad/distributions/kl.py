"""Kullback-Leibler divergences, found by the classes of the two distributions.

Source: https://pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..core import Tensor
from ..errors import MissingMethodError, UsageError
from .distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY: dict[tuple[type, type], Callable] = {}
_KL_MEMOIZE: dict[tuple[type, type], Callable | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Return a decorator that makes a function of p and q the divergence of two classes and their subclasses.

    Of several functions that fit, the one of the nearest classes is called. Raises UsageError (a TypeError) for what
    is no subclass of Distribution.

    >>> class Point(Distribution):
    ...     pass
    >>> @register_kl(Point, Point)
    ... def kl_of_points(p, q):
    ...     return 0.0
    >>> kl_divergence(Point(validate_args=False), Point(validate_args=False))
    0.0
    """
    for kind in (type_p, type_q):
        if not isinstance(kind, type) or not issubclass(kind, Distribution):
            raise UsageError("register_kl", f"got {kind!r}", "pass subclasses of Distribution")

    def register(function: Callable) -> Callable:
        _KL_REGISTRY[type_p, type_q] = function
        _KL_MEMOIZE.clear()
        return function

    return register


def _nearest(type_p: type, type_q: type, first: int) -> tuple[type, type]:
    """Return the registered classes nearest to two classes: nearest to one of them first, then to the other."""

    def distance(pair: tuple[type, type]) -> tuple[int, int]:
        steps = type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])
        return steps[first], steps[1 - first]

    fitting = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    return min(fitting, key=distance)


def _find(type_p: type, type_q: type) -> Callable | None:
    if not any(issubclass(type_p, a) and issubclass(type_q, b) for a, b in _KL_REGISTRY):
        return None
    by_p, by_q = _nearest(type_p, type_q, 0), _nearest(type_p, type_q, 1)
    if _KL_REGISTRY[by_p] is not _KL_REGISTRY[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[by_p]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the divergence KL(p ‖ q), the mean of ln p(x) - ln q(x) over samples x of p, of shape ``batch_shape``.

    Raises MissingMethodError (a NotImplementedError) for classes that nothing is registered for.

    >>> import tapegrad as tg
    >>> N = tg.distributions.Normal
    >>> kl_divergence(N(tg.tensor(0.0), 1.0), N(tg.tensor(1.0), 1.0))
    tensor(0.5000)
    """
    kinds: Any = (type(p), type(q))
    if kinds not in _KL_MEMOIZE:
        _KL_MEMOIZE[kinds] = _find(*kinds)
    function = _KL_MEMOIZE[kinds]
    if function is None:
        names = f"No KL(p || q) is implemented for p type {kinds[0].__name__} and q type {kinds[1].__name__}"
        raise MissingMethodError("kl_divergence", names, "register it with register_kl, or estimate it from samples")
    return function(p, q)
