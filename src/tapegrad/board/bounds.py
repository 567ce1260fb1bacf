"""How much of what a run's folder says is kept: it may be anybody's, and say more than anybody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["LONGEST_NAME", "cut", "fitting"]

LONGEST_NAME = 100
_DEEPEST = 50


def cut(value: Any, most: int = LONGEST_NAME) -> str:
    """Return a value as a text of at most so many characters; one that was longer ends in an ellipsis.

    >>> cut("a long name", 7), cut(3)
    ('a long…', '3')
    """
    text = value if isinstance(value, str) else str(value) if _weight(value, most) <= most else ""
    return text if len(text) <= most else text[: most - 1] + "…"


def fitting(values: Mapping[str, Any], room: int, entries: int = 500) -> dict[str, Any]:
    """Return those of a JSON object's entries, from the first on, that fit into a room.

    A text takes its length, a whole number about its digits, everything else 1 and what it holds. What does not fit is
    left out whole, as half a list would say something else; so is what is nested more than 50 deep, which could not be
    written again, and a name longer than 100 characters.

    >>> fitting({"counts": [1, 2], "all": list(range(100)), "kind": "a word"}, 50)
    {'counts': [1, 2], 'kind': 'a word'}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if len(found) >= entries:
            break
        if len(name) <= LONGEST_NAME and (weight := len(name) + _weight(value, room)) <= room:
            found[name] = value
            room -= weight
    return found


def _weight(value: Any, most: int) -> int:
    """Return what a value takes; no more is counted when it is more than ``most``."""
    weight, waiting = 0, [(value, 0)]
    while waiting and weight <= most:
        value, depth = waiting.pop()
        weight += 1 if depth <= _DEEPEST else most + 1
        if isinstance(value, str):
            weight += len(value)
        elif isinstance(value, Mapping):
            weight += sum(len(str(name)) for name in value)
            waiting += [(entry, depth + 1) for entry in value.values()]
        elif isinstance(value, (list, tuple)):
            waiting += [(entry, depth + 1) for entry in value]
        elif type(value) is int:
            weight += value.bit_length() // 3
    return weight
