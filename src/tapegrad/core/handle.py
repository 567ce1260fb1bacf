"""What registering a hook returns."""

from __future__ import annotations

from typing import Any

__all__ = ["RemovableHandle"]


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away again."""

    def __init__(self, hooks: Any, key: Any):
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        """Take the hook away. Doing so twice is harmless."""
        if isinstance(self._hooks, dict):
            self._hooks.pop(self._key, None)
        elif self._key in self._hooks:
            self._hooks.remove(self._key)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
