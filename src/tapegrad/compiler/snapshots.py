"""Values as they are now, to be compared with what they are later."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ModuleSnapshot", "contents", "is_plain", "same"]

_PLAIN = (int, float, bool, str, bytes, complex, type(None), type(Ellipsis), np.dtype, range)
# Containers of more elements than this are not looked through; that they are the same object is.
_LOOK_THROUGH = 64


def is_plain(value: Any) -> bool:
    """Return whether a value is one whose equals are as good as itself: a number, a text, a tuple of such."""
    return isinstance(value, _PLAIN) or (isinstance(value, (tuple, frozenset)) and all(map(is_plain, value)))


class ModuleSnapshot:
    """The attributes of a module when it was called."""

    def __init__(self, module: Any):
        self.module = module
        self.fields = {name: contents(value) for name, value in vars(module).items()}

    def holds(self) -> bool:
        """Return whether the module still has them."""
        fields = vars(self.module)
        return len(fields) == len(self.fields) and all(
            name in fields and same(fields[name], held) for name, held in self.fields.items()
        )


def contents(value: Any, depth: int = 2) -> tuple[Any, Any]:
    """Return a value with what is in it, so that a change of either can be seen."""
    if depth and isinstance(value, (list, tuple)) and len(value) <= _LOOK_THROUGH:
        return value, [contents(v, depth - 1) for v in value]
    if depth and isinstance(value, dict) and len(value) <= _LOOK_THROUGH:
        return value, {k: contents(v, depth - 1) for k, v in value.items()}
    return value, None


def same(value: Any, held: tuple[Any, Any]) -> bool:
    """Return whether a value is what :func:`contents` saw, and has what was in it."""
    before, inside = held
    if value is not before and not (is_plain(before) and type(value) is type(before) and value == before):
        return False
    if isinstance(inside, list):
        return len(value) == len(inside) and all(map(same, value, inside))
    if isinstance(inside, dict):
        return value.keys() == inside.keys() and all(same(value[k], h) for k, h in inside.items())
    return True
