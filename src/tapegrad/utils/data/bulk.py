"""Which method of an object stands for many calls of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["bulk_method"]


def bulk_method(thing: Any, name: str, single: str) -> Callable | None:
    """Return the method that does at once what ``single`` does one by one, or None.

    A subclass that writes ``single`` anew means that, so an inherited method does not stand in for it.
    """
    for kind in type(thing).__mro__:
        if name in vars(kind):
            return getattr(thing, name)
        if single in vars(kind):
            return None
    return None
