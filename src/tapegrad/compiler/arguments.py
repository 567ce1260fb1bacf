"""The arguments of a call: the tensors among them, and everything else as a key that says which program fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Tensor, wrap

__all__ = ["Place", "StandIns", "Unkeyed", "flatten", "key_of", "rebuild"]

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
        if value.is_sparse:
            raise Unkeyed("sparse tensor")
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
    if type(form) is float and (form == 0.0 or form != form):
        return (float, repr(form))  # 0.0 equals -0.0, and nan not even itself
    return (type(form), form)


class StandIns:
    """Tensors of the same memory in the place of a call's own, for the run that is captured.

    Their arrays are new objects, so that a tensor that the step finds outside is never taken for an argument. What the
    step does to the tensors themselves, and to lists and dicts among the arguments, is passed on to the caller's.
    """

    def __init__(self, tensors: Sequence[Tensor], args: tuple, kwargs: dict):
        self.given = list(tensors)
        arrays: dict[int, np.ndarray] = {}
        made: dict[int, Tensor] = {}
        for t in self.given:
            if id(t) not in made:
                array = arrays.setdefault(id(t.array), t.array.view())
                made[id(t)] = stand_in = wrap(array, None, t.memory, type(t))
                if t.view_version is not None:
                    stand_in.view_version, stand_in.base = t.view_version, t.base
                stand_in.__dict__.update(t.__dict__)
        self.tensors = [made[id(t)] for t in self.given]
        self._back = {id(stand_in): t for stand_in, t in zip(self.tensors, self.given, strict=True)}
        self._made = made
        self._containers: list[tuple[Any, Any, Any]] = []
        self.args = tuple(self._replaced(a) for a in args)
        self.kwargs = {name: self._replaced(value) for name, value in kwargs.items()}

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._made[id(value)]
        if isinstance(value, tuple):
            items = [self._replaced(v) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if isinstance(value, list):
            copy: Any = type(value)(map(self._replaced, value))
            self._containers.append((value, copy, list(copy)))
        elif isinstance(value, dict):
            copy = {k: self._replaced(v) for k, v in value.items()}
            self._containers.append((value, copy, dict(copy)))
        else:
            return value
        return copy

    def settle(self) -> str:
        """Pass on what the step did to its arguments; return what that was, if a program could not do it."""
        done = ""
        for t, stand_in in zip(self.given, self.tensors, strict=True):
            if stand_in._leaf_grad or stand_in._grad is not None or stand_in._hooks or self._looks_other(t, stand_in):
                done = "an argument is made to require a gradient, or given an attribute"
                t._leaf_grad, t._grad, t._hooks = stand_in._leaf_grad, stand_in._grad, stand_in._hooks
                t.__dict__.update(stand_in.__dict__)
            if stand_in.node is not None:
                done = "an argument becomes part of the tape"
                t.node = stand_in.node
        for given, copy, before in self._containers:
            values = copy.values() if isinstance(copy, dict) else copy
            olds = before.values() if isinstance(before, dict) else before
            if len(copy) != len(before) or any(v is not old for v, old in zip(values, olds, strict=True)):
                done = f"a {type(given).__name__} among the arguments is changed"
                given.clear()
                if isinstance(given, dict):
                    given.update({k: self.original(v) for k, v in copy.items()})
                else:
                    given.extend(map(self.original, copy))
        return done

    @staticmethod
    def _looks_other(t: Tensor, stand_in: Tensor) -> bool:
        return t.__dict__.keys() != stand_in.__dict__.keys() or any(
            v is not stand_in.__dict__[n] for n, v in t.__dict__.items()
        )

    def original(self, value: Any) -> Any:
        """Return the caller's tensor for its stand-in, and everything else as it is."""
        return self._back.get(id(value), value)
