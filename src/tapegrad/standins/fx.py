"""``torch.fx``: programs of modules, which are written down in another way here (:func:`tapegrad.trace`).

Libraries mark functions for it where they are defined; the marks are accepted. Transforming programs is not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from tapegrad.errors import MissingMethodError
from tapegrad.nn import Module

__all__ = ["Graph", "GraphModule", "Node", "Proxy", "Tracer", "symbolic_trace", "wrap"]

_Function = TypeVar("_Function", bound=str | Callable)


def wrap(fn_or_name: _Function) -> _Function:
    """Return the function as it is: it is not taken apart anyway."""
    return fn_or_name


def symbolic_trace(root: Any, concrete_args: dict[str, Any] | None = None) -> NoReturn:
    """Raise MissingMethodError."""
    raise _refusal("symbolic_trace")


def _refusal(who: str) -> MissingMethodError:
    return MissingMethodError(
        f"torch.fx.{who}", "programs cannot be transformed here", "tapegrad.trace returns one as a list of equations"
    )


class _Refused:
    def __init__(self, *args: Any, **kwargs: Any):
        raise _refusal(type(self).__name__)


class Proxy(_Refused):
    """What stands for a value in such a program: nothing is one, so ``isinstance`` says False."""


class Node(_Refused):
    """A step of such a program: nothing is one."""


class Graph(_Refused):
    """The steps of such a program: nothing is one."""


class Tracer(_Refused):
    """What writes such a program down: it cannot be made."""


class GraphModule(_Refused, Module):
    """A module made from such a program: nothing is one."""
