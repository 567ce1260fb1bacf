"""Memory that kernels reuse between calls: fresh large arrays would cost a page fault for every 4 KiB.

Each thread has its own. What a thread keeps is bounded by the workspace limit; a larger piece is made for one call.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

from ..errors import ArgumentError

__all__ = ["get_workspace_limit", "set_workspace_limit"]

_MIB = 1 << 20


def _initial_limit() -> int:
    given = os.environ.get("TAPEGRAD_WORKSPACE_MIB", "")
    return int(given) * _MIB if given.isdigit() else 256 * _MIB


class _Setting:
    limit = _initial_limit()


class _Memory(threading.local):
    """The buffers of one thread, by purpose."""

    def __init__(self) -> None:
        self.buffers: dict[tuple, Any] = {}
        self.held = 0


_memory = _Memory()


def get_workspace_limit() -> int:
    """Return how many bytes of scratch memory the kernels of each thread may keep between calls.

    >>> import tapegrad as tg
    >>> tg.get_workspace_limit() // 2**20
    256
    """
    return _Setting.limit


def set_workspace_limit(limit: int) -> None:
    """Set how many bytes of scratch memory the kernels of each thread may keep between calls (256 MiB at first).

    What a kernel needs beyond that is allocated anew for each call: slower, never wrong. 0 keeps nothing. The environment
    variable ``TAPEGRAD_WORKSPACE_MIB`` sets it at the start. Raises ArgumentError for a negative number.

    >>> import tapegrad as tg
    >>> tg.set_workspace_limit(64 * 2**20)
    >>> tg.get_workspace_limit() // 2**20
    64
    >>> tg.set_workspace_limit(256 * 2**20)
    """
    if limit < 0:
        raise ArgumentError("set_workspace_limit", f"the limit is {limit}", "use a number of bytes, 0 to keep nothing")
    _Setting.limit = int(limit)


def workspace(xp: Any, purpose: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array with unknown content that is valid until the next call with the same purpose in this thread."""
    key = (purpose, xp.__name__, dtype)
    needed = math.prod(shape)
    flat = _memory.buffers.get(key)
    if flat is None or flat.size < needed or _memory.held > _Setting.limit:
        flat = _renew(xp, key, needed)
    return flat[:needed].reshape(shape)


def _renew(xp: Any, key: tuple, count: int) -> Any:
    old = _memory.buffers.pop(key, None)
    _memory.held -= 0 if old is None else old.nbytes
    del old
    new = xp.empty(count, key[2])
    # What other calls needed makes room for what is needed now.
    while _memory.buffers and _memory.held + new.nbytes > _Setting.limit:
        _memory.held -= _memory.buffers.pop(next(iter(_memory.buffers))).nbytes
    if _memory.held + new.nbytes <= _Setting.limit:
        _memory.buffers[key] = new
        _memory.held += new.nbytes
    return new
