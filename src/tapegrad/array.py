"""The array module of a set of arrays, the default dtype, and device names.

The only file that may name CuPy: everything else receives the module as ``xp``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import DeviceError, OptionError, UsageError, did_you_mean

__all__ = ["Device", "array_module", "available", "get_default_dtype", "is_floating", "set_default_dtype"]

_default_dtype = np.dtype(np.float32)


def array_module(*arrays: Any):
    """Return the module (NumPy, or CuPy once it is loaded) that computes on these arrays."""
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    return cupy if any(isinstance(a, cupy.ndarray) for a in arrays) else np


def get_default_dtype() -> np.dtype:
    """Return the dtype that floating-point tensors get when none is named (float32 unless changed).

    >>> import tapegrad as tg
    >>> tg.get_default_dtype()
    dtype('float32')
    """
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype that floating-point tensors get when none is named.

    Raises UsageError when ``dtype`` is not a floating-point dtype.

    >>> import tapegrad as tg
    >>> tg.set_default_dtype("float64")
    >>> tg.tensor(1.5).dtype
    dtype('float64')
    >>> tg.set_default_dtype("float32")
    """
    global _default_dtype
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise UsageError(
            "set_default_dtype", f"{dtype} is not a floating-point dtype", "use float16, float32 or float64"
        )
    _default_dtype = dtype


def is_floating(dtype: np.dtype) -> bool:
    """Return whether gradients can flow through values of this dtype."""
    return dtype.kind in "fc"


# PyTorch's words for kinds of devices. Scripts name them, and write them to files, also where they are not there.
_KINDS = (
    *("cpu", "cuda", "mps", "xpu", "meta", "xla", "hip", "hpu", "mtia", "maia", "ipu", "lazy", "vulkan"),
    *("opengl", "opencl", "fpga", "ideep", "mkldnn", "ve", "privateuseone"),
)


class Device:
    """The name of a place for tensors. Only the CPU is one on this machine: see :func:`available`.

    Raises OptionError for a name that PyTorch has not. As a context it is the default device, which has to be available.
    Source: https://pytorch.org/docs/stable/tensor_attributes.html#torch.device

    >>> Device("cpu"), Device("cuda:1").index
    (device(type='cpu'), 1)
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | Device = "cpu", index: int | None = None):
        if isinstance(type, int):
            raise DeviceError("device", f"there is no accelerator {type}", "use 'cpu'")
        if not isinstance(type, (str, Device)):
            raise UsageError("device", f"{type!r} is no name of a device", "use 'cpu'")
        name, colon, number = str(type).partition(":")
        if name not in _KINDS:
            raise OptionError("device", f"there is no kind '{name}'", did_you_mean(name, _KINDS))
        if colon and (number != str(int(number)) if number.isdecimal() else True):
            raise OptionError("device", f"'{number}' is no index, in '{type}'", f"write '{name}:0'")
        if colon and index is not None and not isinstance(type, Device):
            raise OptionError("device", f"'{type}' has an index, and index={index} is given", "give one of them")
        self.type = name
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (f", index={self.index})" if self.index is not None else ")")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __enter__(self) -> Device:
        return available(self)

    def __exit__(self, *error: object) -> None:
        return None


def available(device: Any) -> Device:
    """Return the device that is meant. Raises DeviceError unless it is the CPU: there is no other here.

    >>> available("cpu:0")
    device(type='cpu', index=0)
    """
    found = Device(device)
    if found.type != "cpu":
        raise DeviceError("device", f"'{found}' is not available", "use 'cpu'")
    return found
