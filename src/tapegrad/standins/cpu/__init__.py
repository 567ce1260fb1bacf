"""``torch.cpu``: the one device that is there."""

from __future__ import annotations

from ..no_device import Stream, current_stream, set_device, stream, synchronize
from . import amp

__all__ = ["Stream", "amp", "current_device", "current_stream", "device_count", "is_available"]
__all__ += ["is_initialized", "set_device", "stream", "synchronize"]


def is_available() -> bool:
    """Return True."""
    return True


def is_initialized() -> bool:
    """Return True."""
    return True


def device_count() -> int:
    """Return 1."""
    return 1


def current_device() -> str:
    """Return ``"cpu"``."""
    return "cpu"
