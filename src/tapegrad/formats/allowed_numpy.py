"""NumPy's numbers and arrays as pickles hold them, made without NumPy's own functions for that."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .machine import CheckpointError, Global, Spend, pick, plain, refuse

__all__ = ["NUMPY_BUILDERS", "NUMPY_UPDATES"]

_REMEDY = "restore the file from a copy, or save it again"
_NUMPY_TYPE = re.compile(r"[<|=]?(b1|[iu][1248]|f[248]|c(8|16))")


def _numpy_dtype(args: tuple, spend: Spend) -> np.dtype:
    """(code, align, copy)"""
    if not args or type(args[0]) is not str or not _NUMPY_TYPE.fullmatch(args[0]):
        raise CheckpointError("numpy.dtype", f"is {plain(args)}", "store numbers or booleans")
    return np.dtype(args[0])


def _check_byte_order(dtype: Any, state: Any, spend: Spend) -> None:
    fine = type(state) is tuple and len(state) >= 5 and state[1] in ("<", "|", "=") and state[2:5] == (None,) * 3
    if not (fine and isinstance(dtype, np.dtype)):
        raise CheckpointError("numpy.dtype", f"is described by {plain(state)}", "store plain little-endian numbers")


def _numpy_scalar(args: tuple, spend: Spend) -> Any:
    pick("numpy scalar", args, np.dtype, bytes)
    if len(args[1]) != args[0].itemsize:
        raise refuse("numpy scalar", args)
    _check_booleans("numpy scalar", args[0], args[1])
    return np.frombuffer(args[1], args[0])[0]


def _check_booleans(who: str, dtype: np.dtype, data: bytes | bytearray) -> None:
    if dtype.kind == "b" and max(data, default=0) > 1:
        raise CheckpointError(who, "holds booleans other than 0 and 1", _REMEDY)


def _numpy_array(args: tuple, spend: Spend) -> np.ndarray:
    """(class, (0,), b"b"): an array whose content a state gives"""
    if len(args) != 3 or type(args[0]) is not Global or args[0].label != "numpy.ndarray":
        raise refuse("numpy array", args)
    spend(200)
    return np.empty(0, np.int8)


def _fill_array(array: np.ndarray, state: Any, spend: Spend) -> None:
    """(version, shape, dtype, whether columns come first, data)"""
    pick("numpy array", state if type(state) is tuple else (), int, tuple, np.dtype, (bool, int), bytes)
    _, shape, dtype, fortran, data = state
    _check_content(shape, dtype, data, spend)
    array.__setstate__((1, shape, dtype, bool(fortran), data))  # type: ignore[arg-type]


def _numpy_buffer(args: tuple, spend: Spend) -> np.ndarray:
    """(data, dtype, shape, order)"""
    pick("numpy array", args, (bytes, bytearray), np.dtype, tuple, str)
    data, dtype, shape, order = args
    _check_content(shape, dtype, data, spend)
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if order == "F" else "C")


def _check_content(shape: tuple, dtype: np.dtype, data: bytes | bytearray, spend: Spend) -> None:
    """Hold that the data is that of an array of this shape."""
    fine = len(shape) <= 32 and all(type(n) is int and 0 <= n < 1 << 62 for n in shape)
    if not fine or math.prod(n for n in shape if n) * dtype.itemsize > np.iinfo(np.intp).max:
        raise CheckpointError("numpy array", f"has the shape {plain(shape)}", _REMEDY)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise CheckpointError("numpy array", f"of shape {shape} and {dtype} has {len(data):,} bytes", _REMEDY)
    spend(len(data))
    _check_booleans("numpy array", dtype, data)


NUMPY_BUILDERS: dict[str, Callable[[tuple, Spend], Any] | None] = {
    "numpy.ndarray": None,
    "numpy.dtype": _numpy_dtype,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray._reconstruct": _numpy_array,
    "numpy._core.numeric._frombuffer": _numpy_buffer,
}
NUMPY_UPDATES = {"numpy.dtype": _check_byte_order, "numpy._core.multiarray._reconstruct": _fill_array}
