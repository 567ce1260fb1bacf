"""PyTorch's older constructors, ``torch.sparse.FloatTensor(indices, values, size)``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, as_array, wrap
from ..errors import DTypeError, UsageError
from .construct import sparse_coo_tensor
from .tensor import SparseTensor

__all__ = [
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
]


class _Kind(type):
    """Sparse tensors of one dtype are instances of the older type."""

    dtype: np.dtype

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, SparseTensor) and value.dtype == cls.dtype


def _constructor(name: str, dtype: Any) -> Any:
    def make(cls: Any, *sizes_or_parts: Any) -> SparseTensor:
        args: list[Any] = list(sizes_or_parts)
        if not args or all(isinstance(a, int) for a in args):
            return sparse_coo_tensor(tuple(args) or (0,), dtype=dtype)
        if len(args) == 1 and not isinstance(args[0], Tensor):
            return sparse_coo_tensor(tuple(args[0]), dtype=dtype)
        if len(args) not in (2, 3):
            raise UsageError(f"sparse.{name}", f"got {len(args)} arguments", "give indices, values and a size")
        given: Any = args[1]
        values = as_array(given)
        if values.dtype != dtype:
            raise DTypeError(
                f"sparse.{name}", f"the values are {values.dtype}", f"use sparse_coo_tensor, or give {dtype}"
            )
        return sparse_coo_tensor(args[0], given if isinstance(given, Tensor) else wrap(values), *args[2:])

    doc = (
        f"The older form of sparse_coo_tensor for {dtype} values: ``{name}(indices, values, size)``, or of sizes alone."
    )
    return _Kind(name, (), {"__new__": make, "__doc__": doc, "dtype": np.dtype(dtype), "__module__": __name__})


FloatTensor = _constructor("FloatTensor", "float32")
DoubleTensor = _constructor("DoubleTensor", "float64")
HalfTensor = _constructor("HalfTensor", "float16")
LongTensor = _constructor("LongTensor", "int64")
IntTensor = _constructor("IntTensor", "int32")
ShortTensor = _constructor("ShortTensor", "int16")
CharTensor = _constructor("CharTensor", "int8")
ByteTensor = _constructor("ByteTensor", "uint8")
