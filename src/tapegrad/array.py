"""The array module of a set of arrays, the default dtype, and device names.

The only file that may name CuPy: everything else receives the module as ``xp``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import ArgumentError, DTypeError

__all__ = ["Device", "array_module", "get_default_dtype", "is_floating", "set_default_dtype"]

_default_dtype = np.dtype(np.float32)


def array_module(*arrays: Any):
    """Return the module (NumPy, or CuPy once it is loaded) that computes on these arrays."""
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    return cupy if any(isinstance(a, cupy.ndarray) for a in arrays) else np


def get_default_dtype() -> np.dtype:
    """Return the dtype that floating-point tensors get when none is named (float32 unless changed)."""
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype that floating-point tensors get when none is named.

    Raises DTypeError when ``dtype`` is not a floating-point dtype.
    """
    global _default_dtype
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise DTypeError(
            "set_default_dtype", f"{dtype} is not a floating-point dtype", "use float16, float32 or float64"
        )
    _default_dtype = dtype


def is_floating(dtype: np.dtype) -> bool:
    """Return whether gradients can flow through values of this dtype."""
    return dtype.kind in "fc"


class Device:
    """A place where tensors live. On this machine that is the CPU.

    >>> Device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | Device = "cpu", index: int | None = None):
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise ArgumentError("device", f"'{type}' is not available", "use 'cpu'")
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (f", index={self.index})" if self.index is not None else ")")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))
