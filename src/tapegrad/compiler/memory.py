"""Planning scratch memory: values that are never needed at one time share their bytes."""

from __future__ import annotations

import contextlib
import ctypes
import sys

from ..core import Variable

__all__ = ["Scratch", "return_freed_memory"]

_ALIGNMENT = 64


class Scratch:
    """One piece of memory from which values take bytes and give them back, in the order of the program.

    The lowest place that fits is taken, so that what was just read is soon written to again, while it is in the cache.
    """

    def __init__(self) -> None:
        self.size = 0
        self.places: dict[Variable, tuple[int, int]] = {}
        self._free: list[tuple[int, int]] = []

    def take(self, variable: Variable) -> None:
        """Find a place for a value."""
        size = -(-max(_bytes(variable), 1) // _ALIGNMENT) * _ALIGNMENT
        for i, (begin, length) in enumerate(self._free):
            if length >= size:
                self.places[variable] = begin, size
                rest = (begin + size, length - size)
                self._free[i : i + 1] = [rest] if rest[1] else []
                return
        if self._free and sum(self._free[-1]) == self.size:
            begin = self._free.pop()[0]
        else:
            begin = self.size
        self.size = begin + size
        self.places[variable] = begin, size

    def take_over(self, variable: Variable, other: Variable) -> None:
        """Give a value the place of another one, which is not needed any more."""
        self.places[variable] = self.places[other]

    def give_back(self, variable: Variable) -> None:
        """Let the place of a value be taken again."""
        begin, length = self.places[variable]
        free = sorted([*self._free, (begin, length)])
        self._free = [free[0]]
        for begin, length in free[1:]:
            last = self._free[-1]
            if sum(last) == begin:
                self._free[-1] = (last[0], last[1] + length)
            else:
                self._free.append((begin, length))


def return_freed_memory() -> None:
    """Give the system back what was freed, where the C library keeps it for later (glibc does).

    The values of a captured run are freed in pieces that a program's one large piece of memory does not fit into.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _bytes(variable: Variable) -> int:
    size = variable.dtype.itemsize
    for n in variable.shape:
        size *= n
    return size
