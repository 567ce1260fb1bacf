"""The door to the compiler: it is loaded when something is first compiled, not when tapegrad is imported."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["compile"]


def compile(model: Any = None, *, target: str | None = None, verify: int | None = None) -> Any:
    """Return a function that does what the given one does, from its second call on as a program of plain NumPy."""
    from .compiled import Compiled

    if model is None:
        return functools.partial(compile, target=target, verify=verify)
    return Compiled(model, target, verify)
