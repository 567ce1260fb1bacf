"""Making layers whose parameters are about to be written."""

from __future__ import annotations

import inspect
from typing import Any

from ...errors import StateError, UsageError
from ..module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Return ``module_cls(*args, **kwargs)``, with parameters whose values are not to be relied on.

    Raises UsageError for what is no class, StateError for one that is not of modules or has no ``device`` argument.

    >>> import tapegrad as tg
    >>> tg.nn.utils.skip_init(tg.nn.Linear, 5, 1)
    Linear(in_features=5, out_features=1, bias=True)
    """
    if not isinstance(module_cls, type):
        raise UsageError("skip_init", f"{module_cls!r} is no class", "pass e.g. nn.Linear")
    if not issubclass(module_cls, Module):
        raise StateError("skip_init", f"{module_cls.__name__} is no class of modules", "pass e.g. nn.Linear")
    if "device" not in inspect.signature(module_cls).parameters:
        raise StateError("skip_init", f"{module_cls.__name__} has no argument 'device'", "make it without skip_init")
    return module_cls(*args, **kwargs)
