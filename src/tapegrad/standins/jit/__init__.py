"""``torch.jit``: TorchScript, which is not there. What would be scripted or traced runs as the Python that it is.

For speed there is :func:`tapegrad.compile`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from tapegrad.errors import MissingMethodError
from tapegrad.nn import Module

from ..futures import Future

__all__ = ["Attribute", "Final", "Future", "RecursiveScriptModule", "ScriptModule", "annotate", "export", "fork"]
__all__ += ["freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load"]
__all__ += ["onednn_fusion_enabled", "optimize_for_inference", "optimized_execution", "save", "script"]
__all__ += ["script_if_tracing", "script_method", "set_fusion_strategy", "strict_fusion", "trace", "trace_module"]
__all__ += ["unused", "wait"]

ScriptModule = RecursiveScriptModule = Module
_isinstance = isinstance


def script(obj: Any, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """Return the module, function or class as it is.

    >>> import tapegrad as tg
    >>> @tg.jit.script
    ... def double(x):
    ...     return x + x
    >>> double(tg.ones(1))
    tensor([2.])
    """
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **options: Any) -> Any:
    """Return the module or function as it is."""
    return func


def trace_module(mod: Module, inputs: dict[str, Any], *args: Any, **options: Any) -> Module:
    """Return the module as it is."""
    return mod


def script_method(fn: Callable) -> Callable:
    """Return the method as it is."""
    return fn


export = script_if_tracing = interface = script_method


def ignore(drop: Any = False, **options: Any) -> Any:
    """Return the function as it is; as a decorator with or without arguments."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: Callable) -> Callable:
    """Return the function as it is."""
    return fn


def freeze(mod: Module, *args: Any, **options: Any) -> Module:
    """Return the module as it is."""
    return mod


optimize_for_inference = freeze


def is_scripting() -> bool:
    """Return False."""
    return False


def is_tracing() -> bool:
    """Return False."""
    return False


def onednn_fusion_enabled() -> bool:
    """Return False."""
    return False


def annotate(the_type: Any, the_value: Any) -> Any:
    """Return the value."""
    return the_value


def Attribute(value: Any, type: Any) -> Any:  # noqa: N802
    """Return the value."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Return what Python's ``isinstance`` says of the type, without the types that it holds."""
    return _isinstance(obj, getattr(target_type, "__origin__", None) or target_type)


def fork(func: Callable, *args: Any, **kwargs: Any) -> Future:
    """Call the function at once and return a future that holds its result."""
    future: Future = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Future) -> Any:
    """Return a future's result."""
    return future.wait()


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return what is given."""
    return strategy


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Change nothing within the block."""
    yield


@contextlib.contextmanager
def fuser(name: str) -> Iterator[None]:
    """Change nothing within the block."""
    yield


@contextlib.contextmanager
def strict_fusion() -> Iterator[None]:
    """Change nothing within the block."""
    yield


def save(m: Module, f: Any, _extra_files: Any = None) -> NoReturn:
    """Raise MissingMethodError: there are no programs of TorchScript to be stored."""
    raise MissingMethodError("jit.save", "TorchScript is not there", "use tapegrad.save(model.state_dict(), f)")


def load(f: Any, map_location: Any = None, _extra_files: Any = None, _restore_shapes: bool = False) -> NoReturn:
    """Raise MissingMethodError: programs of TorchScript cannot be run."""
    raise MissingMethodError(
        "jit.load", "TorchScript is not there", "build the network and load its state_dict with tapegrad.load"
    )
