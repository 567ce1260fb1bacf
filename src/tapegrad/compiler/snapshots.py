"""Values as they are now, to be compared with what they are later."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ModuleSnapshot", "contents", "is_plain", "same"]

_PLAIN = (int, float, bool, str, bytes, complex, type(None), type(Ellipsis), np.dtype, range)
# Of containers of more elements than this only their length is looked at, before every run; for modules, which are looked
# at seldom, there is no limit.
_LOOK_THROUGH = 64
_ALL = 1 << 62


def is_plain(value: Any) -> bool:
    """Return whether a value is one whose equals are as good as itself: a number, a text, a tuple of such."""
    return isinstance(value, _PLAIN) or (isinstance(value, (tuple, frozenset)) and all(map(is_plain, value)))


class ModuleSnapshot:
    """The attributes of a module when it was called."""

    def __init__(self, module: Any):
        self.module = module
        self.fields = {name: contents(value, 2, _ALL) for name, value in vars(module).items()}

    def holds(self) -> bool:
        """Return whether the module still has them."""
        fields = vars(self.module)
        return len(fields) == len(self.fields) and all(
            name in fields and same(fields[name], held) for name, held in self.fields.items()
        )


def contents(value: Any, depth: int = 2, most: int = _LOOK_THROUGH) -> tuple[Any, Any]:
    """Return a value with what is in it, or how much that is, so that a change of either can be seen."""
    if not depth or not isinstance(value, (list, tuple, dict)):
        return value, None
    if len(value) > most:
        return value, len(value)
    if isinstance(value, dict):
        return value, {k: contents(v, depth - 1, most) for k, v in value.items()}
    return value, [contents(v, depth - 1, most) for v in value]


def same(value: Any, held: tuple[Any, Any]) -> bool:
    """Return whether a value is what :func:`contents` saw, and has what was in it."""
    before, inside = held
    if value is not before and not (is_plain(before) and type(value) is type(before) and value == before):
        return False
    if isinstance(inside, list):
        return len(value) == len(inside) and all(map(same, value, inside))
    if isinstance(inside, int):
        return len(value) == inside
    if isinstance(inside, dict):
        return value.keys() == inside.keys() and all(same(value[k], h) for k, h in inside.items())
    return True
