"""``torch.cuda`` on a machine without one: it says that it is not available, and accepts what changes nothing."""

from __future__ import annotations

from typing import Any, NoReturn

from tapegrad.errors import StateError

from ..no_device import *
from ..no_device import __all__ as _names
from . import amp, memory, nvtx

__all__ = [*_names, "OutOfMemoryError", "amp", "get_arch_list", "is_current_stream_capturing", "memory", "nvtx"]
__all__ += ["can_device_access_peer", "get_gencode_flags", "ipc_collect", "utilization"]

_TENSORS = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


class OutOfMemoryError(StateError):
    """What PyTorch raises when a device's memory is full; never raised here, so that scripts can name it."""


def get_arch_list() -> list[str]:
    """Return an empty list: nothing was compiled for any architecture."""
    return []


def get_gencode_flags() -> str:
    """Return an empty string."""
    return ""


def is_current_stream_capturing() -> bool:
    """Return False."""
    return False


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Return False."""
    return False


def ipc_collect() -> None:
    """Do nothing."""


def utilization(device: Any = None) -> int:
    """Return 0 percent."""
    return 0


class _TensorType(type):
    """The type of tensors on a device: nothing is of it, and none can be made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise StateError(f"cuda.{cls.__name__}", "tensors live on the CPU here", f"use torch.{cls.__name__}")


def __getattr__(name: str) -> Any:
    if name.endswith("Tensor") and name.removesuffix("Tensor") in _TENSORS:
        return _TensorType(name, (), {})
    raise AttributeError(f"module 'tapegrad.cuda' has no attribute '{name}'")
