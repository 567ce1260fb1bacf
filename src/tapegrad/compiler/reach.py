"""What a step can get hold of outside itself, looked at before and after, so that no change that it makes there is lost."""

from __future__ import annotations

import sys
from collections import deque
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..core import Tensor
from ..core.graph import _PACKAGE
from .snapshots import is_plain

__all__ = ["Reach", "alike", "fields_of", "is_optimizer", "is_users_code", "is_users_object", "is_users_space"]

# How far, and at how many objects, one looks.
_DEPTH = 6
_MOST = 3000


def is_users_code(file: str) -> bool:
    """Return whether a file is neither ours nor NumPy's nor Python's."""
    return not file.startswith((_PACKAGE, sys.base_prefix, "<frozen", np.__path__[0])) and file != "<compiled step>"


def _is_users_module(name: str) -> bool:
    if name in sys.builtin_module_names or name.partition(".")[0] in ("tapegrad", "numpy"):
        return False
    module = sys.modules.get(name)
    return is_users_code(getattr(module, "__file__", None) or "")


def is_users_space(value: Any) -> bool:
    """Return whether a class or a module of Python's is the user's."""
    return _is_users_module(value.__name__ if isinstance(value, ModuleType) else value.__module__)


def is_users_object(value: Any) -> bool:
    """Return whether a value is an object of a class of the user's, or one of Python's that holds settings."""
    kind = type(value)
    if isinstance(value, (type, ModuleType, FunctionType, Tensor)) or hasattr(value, "_parameters"):
        return False
    return kind is SimpleNamespace or kind.__module__ == "argparse" or _is_users_module(kind.__module__)


def is_optimizer(value: Any) -> bool:
    """Return whether a value is an optimizer, whose options a step may read and set."""
    return hasattr(value, "param_groups") and hasattr(value, "state") and not isinstance(value, type)


def fields_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, those in slots among them."""
    fields = dict(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                fields[name] = getattr(value, name)
    return fields


def _parts(value: Any) -> dict[str, Any] | None:
    """Return what a value is made of, by the text that leads there; None for what has no parts that could change."""
    if isinstance(value, Tensor):
        if value.is_sparse:
            return {"._positions": value._positions, "._held": value._held}
        return {".requires_grad": value._leaf_grad, ".array": value.array}
    if isinstance(value, (list, tuple, deque)):
        return {f"[{i}]": v for i, v in enumerate(value)}
    if isinstance(value, dict):
        return {f"[{k!r}]": v for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return {f"[{id(v)}]": v for v in value}
    if hasattr(value, "_parameters") and hasattr(value, "_modules"):
        own = {f".{n}": v for n, v in vars(value).items() if n[0] != "_"}
        held = {f".{n}": v for kind in ("_parameters", "_buffers", "_modules") for n, v in vars(value)[kind].items()}
        return {".__class__": type(value)} | own | held
    if is_optimizer(value) and not is_users_object(value):
        return {".param_groups": value.param_groups}
    if isinstance(value, (type, ModuleType)):
        return {f".{n}": v for n, v in vars(value).items() if n[:2] != "__"} if is_users_space(value) else None
    if not is_users_object(value):
        return None
    return {".__class__": type(value), **{f".{n}": v for n, v in fields_of(value).items()}}


def alike(a: Any, b: Any) -> bool:
    """Return whether one value is another, or a plain one that equals it."""
    return a is b or (is_plain(a) and type(a) is type(b) and a == b)


class Reach:
    """Everything that was found, with the parts that it had then."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, Any, dict[str, Any]]] = {}

    def look(self, path: str, value: Any, depth: int = _DEPTH) -> None:
        """Look at a value and at what can be reached from it."""
        if id(value) in self._seen or len(self._seen) >= _MOST:
            return
        parts = _parts(value)
        if parts is None:
            return
        self._seen[id(value)] = path, value, parts
        if depth:
            for label, part in parts.items():
                self.look(path + label, part, depth - 1)

    def change(self) -> str:
        """Return the path to something that is no longer what it was; "" when all is."""
        for path, value, before in self._seen.values():
            after = _parts(value) or {}
            for label in {**before, **after}:
                if label not in before or label not in after or not alike(before[label], after[label]):
                    return path + label
        return ""

    @property
    def optimizers(self) -> list[Any]:
        """The optimizers among what was found."""
        return [value for _, value, _ in self._seen.values() if is_optimizer(value)]

    def forget_parts(self) -> None:
        """Let go of what things had, arrays among it: memory that is held by somebody cannot be laid out anew."""
        self._seen = {key: (path, value, {}) for key, (path, value, _) in self._seen.items()}

    @property
    def tensors(self) -> dict[int, Tensor]:
        """The tensors among what was found, by the ids of their arrays."""
        found = [value for _, value, _ in self._seen.values() if isinstance(value, Tensor) and not value.is_sparse]
        return {id(value.array): value for value in found}
