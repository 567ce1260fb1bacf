"""A request that is not answered."""

from __future__ import annotations

from ..errors import TapegradError

__all__ = ["Refusal"]


class Refusal(TapegradError):
    """A request that is not answered, with the HTTP status that says why."""

    def __init__(self, status: int, who: str, what: str, fix: str = ""):
        super().__init__(who, what, fix)
        self.status = status
