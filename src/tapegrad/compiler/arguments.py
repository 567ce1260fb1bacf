"""The arguments of a call: the tensors among them, and everything else as a key that says which program fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Tensor

__all__ = ["Place", "Unkeyed", "flatten", "key_of", "rebuild"]

_PLAIN = (int, float, bool, str, bytes, complex, type(None), np.dtype)


class Unkeyed(Exception):
    """An argument that is neither a tensor, nor a plain value, nor a container of such."""


class Place:
    """Where a tensor stood."""

    def __init__(self, number: int):
        self.number = number


def flatten(value: Any, tensors: list[Tensor]) -> Any:
    """Return a value with places instead of its tensors, which are put into the list. Raises Unkeyed."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return Place(len(tensors) - 1)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        items = [flatten(v, tensors) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if type(value) is dict:
        return {k: flatten(v, tensors) for k, v in value.items()}
    raise Unkeyed(type(value).__name__)


def rebuild(value: Any, tensor: Callable[[int], Any]) -> Any:
    """Return a flattened value with tensors in their places."""
    if isinstance(value, Place):
        return tensor(value.number)
    if isinstance(value, (list, tuple)):
        items = [rebuild(v, tensor) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: rebuild(v, tensor) for k, v in value.items()}
    return value


def key_of(form: Any) -> Any:
    """Return a hashable description of a flattened value, in which 1, 1.0 and True differ."""
    if isinstance(form, Place):
        return Place
    if isinstance(form, (list, tuple)):
        return (type(form), *map(key_of, form))
    if isinstance(form, dict):
        return (dict, *((k, key_of(v)) for k, v in form.items()))
    return (type(form), form)
