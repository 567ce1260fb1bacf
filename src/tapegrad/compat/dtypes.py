"""What PyTorch's dtypes say of themselves, on NumPy's, in a process that runs a script for PyTorch.

tapegrad's dtypes are NumPy's, and a type written in C takes no new attributes, nor can it be subclassed: what stands
here is written into the type's dict behind its back. It is done where ``compat.install`` was asked for, and nowhere else.
"""

from __future__ import annotations

import ctypes
import gc
import platform
from typing import Any

import numpy as np

from ..errors import DTypeError

__all__ = ["describe_dtypes"]

_COMPLEX = {np.dtype(np.float32): np.dtype(np.complex64), np.dtype(np.float64): np.dtype(np.complex128)}
_REAL = {wide: narrow for narrow, wide in _COMPLEX.items()}


def _to_complex(self: np.dtype) -> np.dtype:
    """Return the complex dtype whose parts are of this one. Raises DTypeError where there is none."""
    return self if self.kind == "c" else _partner(self, "to_complex", _COMPLEX)


def _to_real(self: np.dtype) -> np.dtype:
    """Return the dtype of real and imaginary part. Raises DTypeError for dtypes that are not floating-point."""
    return self if self.kind == "f" else _partner(self, "to_real", _REAL)


def _partner(dtype: np.dtype, who: str, partners: dict[np.dtype, np.dtype]) -> np.dtype:
    if dtype not in partners:
        raise DTypeError(f"{dtype}.{who}", "there is no such dtype", "use float32, float64 and their complex partners")
    return partners[dtype]


_ATTRIBUTES: dict[str, Any] = {
    "is_floating_point": property(lambda self: self.kind == "f"),
    "is_complex": property(lambda self: self.kind == "c"),
    "is_signed": property(lambda self: self.kind in "ifc"),
    "to_complex": _to_complex,
    "to_real": _to_real,
}


def describe_dtypes() -> None:
    """Let ``x.dtype.is_floating_point`` and its kind answer. Does nothing in an interpreter other than CPython."""
    if platform.python_implementation() != "CPython" or hasattr(np.dtype, "is_floating_point"):
        return
    # A type's __dict__ is a read-only view, which refers to the dict itself and nothing else.
    (inside,) = gc.get_referents(np.dtype.__dict__)
    inside.update(_ATTRIBUTES)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.dtype))
