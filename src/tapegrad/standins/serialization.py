"""``torch.serialization``: storing objects, and which classes and functions a file may name.

:func:`tapegrad.load` makes tensors, numbers, text and containers of them. What else a file names is refused, unless it
was allowed here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from tapegrad.formats import SAFE_GLOBALS, load, save
from tapegrad.nn import Module
from tapegrad.nn import modules as _modules
from tapegrad.nn.tree import Held

__all__ = ["add_safe_globals", "clear_safe_globals", "default_restore_location", "get_safe_globals", "load"]
__all__ += ["register_package", "safe_globals", "save"]

_allowed: list[Any] = []
# What a module is made of, whatever its class.
_INNER = (Held,)


def _names(item: Any) -> dict[str, Any]:
    """Return the dotted names by which files may ask for a class or function, with what it is."""
    if isinstance(item, tuple):
        return {item[1]: item[0]}
    names = {f"{item.__module__}.{item.__qualname__}": item}
    if isinstance(item, type) and issubclass(item, Module):
        names |= {f"{kind.__module__}.{kind.__qualname__}": kind for kind in _INNER}
        if item.__module__.startswith("tapegrad.nn"):
            # PyTorch wrote the name of the file that it keeps the layer in.
            names |= {f"torch.nn.modules.{file}.{item.__qualname__}": item for file in _modules.FILES}
    return names


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Let files name these classes and functions: themselves, or pairs of one and the dotted name that files have for it.

    >>> import collections, tapegrad as tg
    >>> tg.serialization.add_safe_globals([collections.ChainMap])
    >>> tg.serialization.get_safe_globals()
    [<class 'collections.ChainMap'>]
    >>> tg.serialization.clear_safe_globals()
    """
    for item in safe_globals:
        _allowed.append(item)
        SAFE_GLOBALS.update(_names(item))


def get_safe_globals() -> list[Any]:
    """Return what was allowed."""
    return list(_allowed)


def clear_safe_globals() -> None:
    """Allow nothing any more."""
    _allowed.clear()
    SAFE_GLOBALS.clear()


@contextlib.contextmanager
def _within(items: list[Any]) -> Iterator[None]:
    before = get_safe_globals()
    add_safe_globals(items)
    try:
        yield
    finally:
        clear_safe_globals()
        add_safe_globals(before)


def safe_globals(safe_globals: list[Any]) -> contextlib.AbstractContextManager[None]:
    """Return a context within which :func:`add_safe_globals` of these holds."""
    return _within(list(safe_globals))


def default_restore_location(storage: Any, location: str) -> Any:
    """Return the storage: everything is on the CPU."""
    return storage


def register_package(priority: int, tagger: Any, deserializer: Any) -> None:
    """Do nothing: there are no further devices."""
