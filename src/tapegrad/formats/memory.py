"""The memory of stored tensors: one array for all tensors that shared it, seen with offsets and strides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, wrap
from ..core.graph import Storage
from .machine import CheckpointError, Inner, plain

__all__ = ["STORAGES", "Memory", "element_type"]

_REMEDY = "restore the file from a copy, or save it again"
# PyTorch's classes of storage, by the type of their elements. NumPy has no bfloat16: float32 holds it exactly.
STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64", "UntypedStorage": "untyped",
}  # fmt: skip
_LIMIT = np.iinfo(np.intp).max


def element_type(kind: str) -> np.dtype:
    """Return the type of the stored elements: that of bfloat16 is two bytes."""
    return np.dtype({"bfloat16": "uint16", "untyped": "uint8"}.get(kind, kind))


class Memory(Inner):
    """The elements of one storage. ``kind`` names their type; ``array`` is flat and in this machine's byte order."""

    __slots__ = ("array", "identities", "kind", "label", "seen")

    def __init__(self, key: str, kind: str, raw: np.ndarray):
        self.label = f"the storage {plain(key)}"
        self.kind = kind
        if kind == "bool" and raw.view(np.uint8).max(initial=0) > 1:
            raise CheckpointError(self.label, "holds booleans other than 0 and 1", _REMEDY)
        self.array = (raw.astype(np.uint32) << 16).view(np.float32) if kind == "bfloat16" else raw
        # Conjugated or negated copies, made once for all tensors that want them.
        self.seen: dict[tuple[str, bool, bool], np.ndarray] = {}
        self.identities: dict[tuple[str, bool, bool], Storage] = {}

    def tensor(
        self, offset: Any, size: Any, stride: Any, conjugate: bool = False, negate: bool = False, dtype: str = ""
    ) -> Tensor:
        """Return a tensor that sees this memory. Raises CheckpointError when it would look outside."""
        if not (_counts(size) and _counts(stride) and type(offset) is int and offset >= 0 and len(size) == len(stride)):
            raise CheckpointError(
                self.label, f"is seen with offset {plain(offset)}, size {plain(size)}, strides {plain(stride)}", _REMEDY
            )
        view = (dtype, conjugate, negate)
        if view not in self.seen:
            self.seen[view] = self._as(dtype, conjugate, negate)
            self.identities[view] = Storage()
        array = self.seen[view]
        return wrap(_strided(self.label, array, offset, size, stride), storage=self.identities[view])

    def _as(self, dtype: str, conjugate: bool, negate: bool) -> np.ndarray:
        array = self.array
        if (self.kind == "untyped") != bool(dtype):
            raise CheckpointError(self.label, f"of {self.kind} elements is seen as {dtype or 'untyped'}", _REMEDY)
        if dtype:
            item = element_type(dtype).itemsize
            if array.nbytes % item:
                raise CheckpointError(self.label, f"has {array.nbytes} bytes, no whole number of {dtype}", _REMEDY)
            # What begins between elements (a mapped file's data may) is copied.
            array = np.require(array.view(element_type(dtype)), requirements="A")
            if dtype == "bfloat16":
                array = (array.astype(np.uint32) << 16).view(np.float32)
        if conjugate:
            array = array.conj()
        if negate and array.dtype != np.bool_:
            array = -array
        return array


def _counts(value: Any) -> bool:
    return type(value) is tuple and len(value) <= 64 and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


def _strided(who: str, array: np.ndarray, offset: int, size: tuple, stride: tuple) -> np.ndarray:
    if math.prod(n for n in size if n) * array.itemsize > _LIMIT:
        raise CheckpointError(who, f"is seen with size {plain(size)}, more than memory can address", _REMEDY)
    if 0 in size:
        return np.empty(size, array.dtype)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if last >= array.size:
        raise CheckpointError(
            who,
            f"has {array.size:,} elements; offset {offset}, size {size} and strides {stride} reach element {last:,}",
            _REMEDY,
        )
    item = array.itemsize
    # A dimension of one may have any stride, even one that NumPy cannot express.
    steps = tuple(min(s * item, _LIMIT) for s in stride)
    return np.ndarray(size, array.dtype, array, offset * item, steps)
