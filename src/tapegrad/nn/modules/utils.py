"""``torch.nn.modules.utils``: one number for several dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["_ntuple", "_pair", "_quadruple", "_reverse_repeat_tuple", "_single", "_triple"]


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple]:
    """Return a function that makes a tuple of ``n`` equal values of a number, and a tuple of whatever can be gone through."""

    def parse(x: Any) -> tuple:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


_single, _pair, _triple, _quadruple = (_ntuple(n) for n in (1, 2, 3, 4))


def _reverse_repeat_tuple(t: tuple, n: int) -> tuple:
    """Return the values in the opposite order, each ``n`` times, as padding wants them."""
    return tuple(value for value in reversed(t) for _ in range(n))
