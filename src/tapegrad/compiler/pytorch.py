"""PyTorch's names about its compiler: questions are answered, and orders that change nothing here are accepted.

Source: https://pytorch.org/docs/stable/torch.compiler_api.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..core import STATE

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "nested_compile_region",
    "reset",
    "set_stance",
    "wrap_numpy",
]

_Function = TypeVar("_Function", bound=Callable)


def is_compiling() -> bool:
    """Return whether the step that runs is being written down as a program.

    >>> import tapegrad as tg
    >>> tg.compiler.is_compiling()
    False
    """
    return STATE.tracer is not None


def is_dynamo_compiling() -> bool:
    """Return :func:`is_compiling`."""
    return is_compiling()


def is_exporting() -> bool:
    """Return False: `tapegrad export` reads a program that was written before."""
    return False


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """Return what ``torch.compile(backend=)`` tells apart: nothing, so an empty list."""
    return []


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return the function as it is, or a decorator that does so: a step's program holds what its functions compute.

    >>> import tapegrad as tg
    >>> tg.compiler.disable(recursive=False)(len) is tg.compiler.disable(len) is len
    True
    """
    return fn if fn is not None else disable


def nested_compile_region(fn: Any = None, **options: Any) -> Any:
    """Return the function as it is, or a decorator that does so."""
    return fn if fn is not None else nested_compile_region


def allow_in_graph(fn: _Function) -> _Function:
    """Return the function as it is; a list of functions as well."""
    return fn


def assume_constant_result(fn: _Function) -> _Function:
    """Return the function as it is: what Python computes while a step is written down is constant in it."""
    return fn


def wrap_numpy(fn: _Function) -> _Function:
    """Return the function as it is: NumPy's functions take tensors."""
    return fn


def reset() -> None:
    """Do nothing: programs belong to the function that was compiled, and go with it."""


def cudagraph_mark_step_begin() -> None:
    """Do nothing: there are no graphs of a GPU."""


class set_stance:  # noqa: N801
    """Accept how calls are to be compiled, and change nothing; a context and a decorator as well."""

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None):
        self.stance = stance

    def __call__(self, fn: _Function) -> _Function:
        return fn

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None
