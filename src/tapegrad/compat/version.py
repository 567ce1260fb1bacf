"""The versions of PyTorch that scripts are told."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["TORCHVISION_VERSION", "TORCH_VERSION", "Version"]


class Version(str):
    """A version as text that compares by its numbers, also with a tuple.

    >>> Version("2.10.1+cpu") > "2.9", Version("2.10.1") >= (2, 10), Version("2.10.1") == "2.10.1"
    (True, True, True)
    """

    def _ordered(self, other: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return _numbers(self), _numbers(other if isinstance(other, str) else ".".join(map(str, other)))

    def __lt__(self, other: Any) -> bool:
        mine, others = self._ordered(other)
        return mine < others

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __gt__(self, other: Any) -> bool:
        mine, others = self._ordered(other)
        return mine > others

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        return str(self) == other if isinstance(other, str) else _numbers(self) == other

    def __hash__(self) -> int:
        return hash(str(self))


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


TORCH_VERSION = Version("2.13.0+tapegrad")
TORCHVISION_VERSION = Version("0.28.0+tapegrad")
