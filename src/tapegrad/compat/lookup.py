"""Finding out whether tapegrad has a name of PyTorch."""

from __future__ import annotations
import __future__

import functools
import importlib
import inspect
from types import ModuleType
from typing import Any, NamedTuple

from ..core import Tensor
from .aliases import PACKAGES, VERSIONS, home
from .names import FAMILY, METHODS, explain, find_absent
from .scopes import Use

__all__ = ["Found", "Lookup"]

# NumPy's words, and the place for the result, which functions take although their signatures do not say so.
_ALIASES = {"axis", "keepdims", "a", "x", "out"}


class Found(NamedTuple):
    """A name that is missing: the part of it up to which the rest is there, whether it is planned, and a sentence."""

    name: str
    planned: bool
    message: str


class Lookup:
    """Answers for one script after the other; modules are imported as they are needed."""

    def find(self, use: Use) -> tuple[str | None, Found | None]:
        """Return the name as a report lists it, and what is missing of it, or None when it is there.

        The name is None for an attribute that tensors have not.
        """
        if use.method:
            absent = self._method(use.name)
            known = absent is not None or hasattr(Tensor, use.name.rpartition(".")[2])
            return use.name if known else None, absent
        if use.name.partition(".")[0] in FAMILY:
            return use.name, _missing(use.name)
        value, lacking = resolve(use.name)
        if lacking is not None:
            return use.name, _missing(lacking, getattr(value, "__name__", None) and dir(value))
        if use.keyword is None:
            return use.name, None
        name = f"{use.name}({use.keyword}=)"
        known = _keywords(value)
        if known is None or use.keyword in known or use.keyword in _ALIASES:
            return use.name, None
        return name, Found(name, False, f"{use.name}: tapegrad's takes no argument '{use.keyword}'; leave it out")

    def _method(self, name: str) -> Found | None:
        method = name.rpartition(".")[2]
        return None if method not in METHODS or hasattr(Tensor, method) else _missing(name)


def _missing(name: str, known: Any = ()) -> Found:
    absent = find_absent(name)
    return Found(name, absent is not None and absent.planned, explain(name, known or ()))


@functools.cache
def resolve(name: str) -> tuple[Any, str | None]:
    """Return what a name of PyTorch stands for, or the last thing found and the first part of the name that is missing."""
    package, *parts = name.split(".")
    value: Any = importlib.import_module(PACKAGES[package])
    reached = package
    for part in parts:
        if reached in VERSIONS and part == "__version__":
            return VERSIONS[reached], None
        if not isinstance(value, ModuleType) and value is not Tensor:
            return value, None
        reached = f"{reached}.{part}"
        try:
            value = _attribute(value, part, reached)
        except AttributeError:
            return value, reached
    return value, None


def _attribute(value: Any, part: str, reached: str) -> Any:
    try:
        found = getattr(value, part)
        if not _borrowed(found):
            return found
    except AttributeError:
        if not isinstance(value, ModuleType):
            raise
    try:
        return importlib.import_module(str(home(reached)))
    except ImportError:
        raise AttributeError(part) from None


def _borrowed(found: Any) -> bool:
    """Return whether a name in a module is what the module itself imported: ``math``, ``annotations``."""
    foreign = isinstance(found, ModuleType) and not found.__name__.startswith("tapegrad")
    return foreign or isinstance(found, __future__._Feature)


@functools.cache
def _keywords(value: Any) -> frozenset[str] | None:
    """Return the arguments that a function or class takes by name, or None when that cannot be told."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY)
