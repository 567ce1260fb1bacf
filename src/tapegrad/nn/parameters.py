"""Containers of parameters: by number, by name. Values that are no tensors are kept, but are no parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core import Parameter, Tensor
from ..errors import (
    ArgumentError,
    IndexRangeError,
    MissingAttributeError,
    NamingError,
    StateError,
    UsageError,
    did_you_mean,
)
from .module import Module

__all__ = ["ParameterDict", "ParameterList"]


def pairs(who: str, items: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (key, value) of a mapping, of a container of modules or parameters, or of an iterable of pairs.

    Raises UsageError for anything else, ArgumentError for pairs that are none.
    """
    if isinstance(items, Mapping) or hasattr(items, "items"):
        yield from items.items()
        return
    if not isinstance(items, Iterable):
        raise UsageError(who, f"got a {type(items).__name__}", "pass a dict, or a list of (name, value) pairs")
    for place, pair in enumerate(items):
        if not isinstance(pair, Iterable):
            raise UsageError(who, f"element {place} is {pair!r}", "pass (name, value) pairs")
        if len(both := tuple(pair)) != 2:
            raise ArgumentError(who, f"element {place} is {pair!r}", "pass (name, value) pairs")
        yield both


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _as_parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _describe(name: str, value: Any, dtype: str) -> str:
    if not isinstance(value, Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    size = "x".join(str(n) for n in value.shape)
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"  ({name}): {kind} containing: [{dtype} of size {size}]"


class ParameterList(Module):
    """A list of parameters that are found by ``parameters()``; a tensor that is put in becomes a Parameter.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ParameterList.html

    >>> import tapegrad as tg
    >>> tg.nn.ParameterList([tg.zeros(2, 3), tg.zeros(3)])
    ParameterList(
        (0): Parameter containing: [float32 of size 2x3]
        (1): Parameter containing: [float32 of size 3]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def _name(self, index: Any) -> str:
        place = operator.index(index)
        if not -self._size <= place < self._size:
            raise IndexRangeError(
                "ParameterList", f"index {place} of {self._size} values", f"use {-self._size} to {self._size - 1}"
            )
        return str(place % self._size)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._name(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        setattr(self, self._name(index), _as_parameter(value))

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(self._size)])

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, value: Any) -> ParameterList:
        """Put a value at the end; return the list."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Put several values at the end; return the list."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise UsageError(
                "ParameterList.extend", f"got a {type(values).__name__}", "pass a list of parameters or tensors"
            )
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return "\n".join(_describe(str(i), v, str(getattr(v, "dtype", ""))) for i, v in enumerate(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise StateError("ParameterList", "is a list, not a layer", "index it, or loop over it")


class ParameterDict(Module):
    """A dict of parameters that are found by ``parameters()``; a tensor that is put in becomes a Parameter.

    A plain dict is taken in the order of its sorted keys, as PyTorch does.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.ParameterDict.html

    >>> import tapegrad as tg
    >>> tg.nn.ParameterDict({"gain": tg.ones(3), "shift": tg.zeros(3)})
    ParameterDict(
        (gain): Parameter containing: [float32 of size 3]
        (shift): Parameter containing: [float32 of size 3]
    )
    """

    def __init__(self, parameters: Any = None):
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise MissingAttributeError(
                "ParameterDict", f"there is no value '{key}'", did_you_mean(str(key), self._keys)
            )
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise UsageError("ParameterDict", f"the key {key!r} is a {type(key).__name__}", "use a string")
        if key not in self._keys and self._is_taken(key):
            raise NamingError("ParameterDict", f"attribute '{key}' already exists", "choose another name")
        setattr(self, key, _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        if key not in self._keys:
            raise NamingError("ParameterDict", f"there is no value '{key}'", did_you_mean(str(key), self._keys))
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """Return another dict of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, after putting the default there when there is none."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Take all values out."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take a value out and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last (key, value) out and return it."""
        if not self._keys:
            raise NamingError("ParameterDict", "is empty", "check len() before popitem()")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default."""
        return self[key] if key in self._keys else default

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return a new dict with the same value for each key."""
        return ParameterDict(OrderedDict((key, default) for key in keys))

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Yield (name, value) pairs."""
        return ((key, self[key]) for key in self._keys)

    def values(self) -> Iterable[Any]:
        """Yield the values."""
        return (self[key] for key in self._keys)

    def update(self, parameters: Any) -> None:
        """Add the values of a dict or of (name, value) pairs, replacing those of equal names."""
        entries = pairs("ParameterDict.update", parameters)
        for key, value in sorted(entries, key=_first) if type(parameters) is dict else entries:
            self[key] = value

    def __or__(self, other: Any) -> ParameterDict:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Any) -> Any:
        merged = other.copy()
        merged.update(self.items())
        return merged

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        return "\n".join(_describe(key, v, str(getattr(v, "dtype", ""))) for key, v in self.items())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise StateError("ParameterDict", "is a dict, not a layer", "take its values by key")
