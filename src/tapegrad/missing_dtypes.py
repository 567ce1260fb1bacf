"""The dtypes that PyTorch has and NumPy has not: they can be named and compared, and no tensor can be of them."""

from __future__ import annotations

from typing import Any, NoReturn

from tapegrad.errors import DTypeError

__all__ = ["NAMES", "MissingDType"]

_INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8))
_FLOATS = {
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
}
_OTHERS = {
    "complex32": 4,
    "chalf": 4,
    "qint8": 1,
    "quint8": 1,
    "qint32": 4,
    "quint4x2": 1,
    "quint2x4": 1,
    "bits8": 1,
    "bits16": 2,
    "bits1x8": 1,
    "bits2x4": 1,
    "bits4x2": 1,
}
NAMES = {**_FLOATS, **_OTHERS, **dict.fromkeys(_INTEGERS, 1)}


class MissingDTypeError(DTypeError, RecursionError):
    """What NumPy meets when it asks for the dtype: of all errors it passes on a RecursionError alone."""


class MissingDType:
    """A dtype by name, which every function that wants a dtype refuses with a DTypeError.

    >>> import tapegrad as tg
    >>> {"float32": tg.float32, "bfloat16": tg.bfloat16}["bfloat16"]
    tapegrad.bfloat16
    >>> tg.ones(2, dtype=tg.bfloat16)
    Traceback (most recent call last):
        ...
    tapegrad.missing_dtypes.MissingDTypeError: bfloat16: NumPy has no such dtype; use float32 or float16
    """

    def __init__(self, name: str):
        self.name = name
        self.itemsize = NAMES[name]
        self.is_floating_point = name in _FLOATS
        self.is_complex = name in ("complex32", "chalf")
        self.is_signed = not name.startswith(("u", "qu", "bits"))

    def __repr__(self) -> str:
        return f"tapegrad.{self.name}"

    def __reduce__(self) -> Any:
        return MissingDType, (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MissingDType) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def dtype(self) -> NoReturn:
        """Raise DTypeError: this is where NumPy looks."""
        instead = (
            "float32 or float16" if self.is_floating_point else "complex64" if self.is_complex else "int8 or uint8"
        )
        raise MissingDTypeError(self.name, "NumPy has no such dtype", f"use {instead}")


def __getattr__(name: str) -> MissingDType:
    if name in NAMES:
        return MissingDType(name)
    raise AttributeError(f"module 'tapegrad.missing_dtypes' has no attribute '{name}'")
