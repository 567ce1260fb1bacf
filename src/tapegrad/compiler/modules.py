"""A module whose forward pass is compiled."""

from __future__ import annotations

from typing import Any

from .compiled import Compiled

__all__ = ["compiled_module"]


def _itself(module: Any) -> Any:
    return module


def compiled_module(module: Any, target: str | None, verify: int | None) -> Any:
    """Return a module of the same class and with the same contents, parameters and mode, whose calls run as programs.

    The two share everything; what is set on one is set on the other. A copy of it, or one from a pickle, is the module
    as it was given.
    """
    compiled = Compiled(module, target, verify)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return compiled(*args, **kwargs)

    def reduced(self: Any, protocol: int) -> Any:
        return _itself, (module,)

    kind = type(module)
    fields = {"__call__": call, "__reduce_ex__": reduced, "__module__": kind.__module__, "__doc__": kind.__doc__}
    fields["compiled"] = property(lambda self: compiled)
    twin = object.__new__(type(kind.__name__, (kind,), fields))
    object.__setattr__(twin, "__dict__", vars(module))
    return twin
