"""Tensors in lists, tuples and dicts: taken out in one order, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["leaves", "rebuild", "replaced"]


def leaves(value: Any) -> list:
    """Return what is in nested lists, tuples and dicts, in order.

    >>> leaves({"a": 1, "b": [2, (3,)]})
    [1, 2, 3]
    """
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def rebuild(value: Any, items: Iterator) -> Any:
    """Return a value of the same nesting with other leaves, taken one after another.

    >>> rebuild({"a": 1, "b": [2, (3,)]}, iter("xyz"))
    {'a': 'x', 'b': ['y', ('z',)]}
    """
    if isinstance(value, dict):
        return type(value)((name, rebuild(item, items)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        parts = [rebuild(item, items) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return next(items)


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value of the same nesting with ``change`` of each leaf."""
    return rebuild(value, iter([change(leaf) for leaf in leaves(value)]))
