"""Parameters by patterns of their names, as configurations use them to freeze, group, penalise and initialise."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ..errors import ArgumentError, did_you_mean

__all__ = ["matching"]


def matching(pattern: str, model: Any, key: str) -> list[tuple[str, Any]]:
    """Return (name, parameter) of all parameters whose name matches a pattern with ``*``, as in file names.

    Raises ArgumentError, naming the configuration's key and the nearest parameter, when none does.

    >>> import tapegrad as tg
    >>> [name for name, _ in matching("0.*", tg.nn.Sequential(tg.nn.Linear(2, 1)), "freeze")]
    ['0.weight', '0.bias']
    """
    parameters = dict(model.named_parameters())
    found = [(name, parameter) for name, parameter in parameters.items() if fnmatchcase(name, pattern)]
    if not found:
        raise ArgumentError(key, f"no parameter matches '{pattern}'", did_you_mean(pattern, parameters))
    return found
