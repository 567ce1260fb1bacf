"""Laying parameters, and the states that an optimizer keeps of them, one behind the other in one piece of memory.

The tensors stay the same objects; their arrays become slices. That is done only where nobody else holds the arrays, who
would go on with memory that the tensors have left.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..core import Tensor

__all__ = ["join"]

_joined: WeakKeyDictionary[Any, list[tuple[np.ndarray, list[Tensor]]]] = WeakKeyDictionary()
# What holds an array that is the tensor's alone, while it is counted: the tensor, the variable here, the argument.
_OWN_REFERENCES = 3


def join(optimizer: Any, tensors: list[Tensor]) -> np.ndarray | None:
    """Return one vector in whose memory the tensors lie, in order; None where somebody else holds one of them."""
    for flat, held in _joined.setdefault(optimizer, []):
        if (
            len(held) == len(tensors)
            and all(a is b for a, b in zip(held, tensors, strict=True))
            and _lie_in(flat, tensors)
        ):
            return flat
    if any(_is_held(t) for t in tensors):
        return None
    flat = np.concatenate([t.array.ravel() for t in tensors])
    place = 0
    for t in tensors:
        t.array = flat[place : place + t.array.size].reshape(t.array.shape)
        place += t.array.size
    _joined[optimizer] = [entry for entry in _joined[optimizer] if _lie_in(*entry)]
    _joined[optimizer].append((flat, list(tensors)))
    return flat


def _is_held(t: Tensor) -> bool:
    array = t.array
    return array.base is not None or sys.getrefcount(array) > _OWN_REFERENCES


def _lie_in(flat: np.ndarray, tensors: list[Tensor]) -> bool:
    address, step = flat.__array_interface__["data"][0], flat.itemsize
    for t in tensors:
        if t.array.base is not flat or t.array.__array_interface__["data"][0] != address or t.array.dtype != flat.dtype:
            return False
        address += t.array.size * step
    return True
