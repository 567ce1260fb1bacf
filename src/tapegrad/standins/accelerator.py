"""``torch.accelerator``: there is none, and scripts take the CPU when they are told so.

>>> import tapegrad as tg
>>> device = tg.accelerator.current_accelerator() if tg.accelerator.is_available() else tg.device("cpu")
>>> device
device(type='cpu')
"""

from __future__ import annotations

from typing import Any

from .no_device import current_device as current_device_index
from .no_device import (
    current_stream,
    device_count,
    empty_cache,
    is_available,
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    memory_stats,
    set_stream,
    synchronize,
)
from .no_device import device as device_index
from .no_device import set_device as set_device_index

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count"]
__all__ += ["device_index", "empty_cache", "is_available", "max_memory_allocated", "max_memory_reserved"]
__all__ += ["memory_allocated", "memory_reserved", "memory_stats", "set_device_idx", "set_device_index"]
__all__ += ["set_stream", "synchronize"]

current_device_idx = current_device_index
set_device_idx = set_device_index


def current_accelerator(check_available: bool = False) -> Any:
    """Return None: there is no accelerator."""
    return None
