"""Gradients that are left over: used by an update, not cleared, added to, and used once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .calls import is_filled

__all__ = ["Leftovers"]


class Leftovers:
    """Follows gradients from the update that used them to the next one that does.

    Only one that an update uses again counts: what a second network's loss leaves in the first one, and the first one
    clears before its own, harms nobody.
    """

    def __init__(self) -> None:
        # Used by an update; used, and then added to.
        self._spent: set[int] = set()
        self._stale: set[int] = set()
        self._versions: dict[int, int] = {}

    def before_backward(self, parameters: Iterable[Any], by_hand: bool) -> bool:
        """Gradients are about to be added to. Return whether the script itself, without an optimizer, has used stale ones."""
        again = False
        for p in parameters:
            key = id(p)
            if by_hand and self._versions.get(key, p.memory.version) != p.memory.version:
                again = again or key in self._stale
                self._stale.discard(key)
                self._spent.add(key)
            self._versions[key] = p.memory.version
            if key in self._spent or key in self._stale:
                self._spent.discard(key)
                if is_filled(p):
                    self._stale.add(key)
                else:
                    self._stale.discard(key)
        return again

    def used(self, parameters: Iterable[Any]) -> bool:
        """An optimizer has stepped: return whether it used stale gradients of these parameters."""
        keys = {id(p) for p in parameters if p._grad is not None}
        again = bool(keys & self._stale)
        self._stale -= keys
        self._spent |= keys
        return again
