"""A request that is not answered."""

from __future__ import annotations

from typing import Any

from ..errors import TapegradError
from .chinese import in_chinese

__all__ = ["Refusal", "told"]


class Refusal(TapegradError):
    """A request that is not answered, with the HTTP status that says why."""

    def __init__(self, status: int, who: str, what: str, fix: str = ""):
        super().__init__(who, what, fix)
        self.status = status


def told(who: str, what: str, fix: str) -> dict[str, Any]:
    """Return a refusal as the page shows it: in English, and under ``zh`` what there is of it in Chinese.

    >>> told("run", "there is no run 7", "ask somebody")
    {'who': 'run', 'what': 'there is no run 7', 'fix': 'ask somebody', 'zh': {'what': '没有编号为 7 的运行'}}
    """
    chinese = {name: text for name, english in (("what", what), ("fix", fix)) if (text := in_chinese(english))}
    return {"who": who, "what": what, "fix": fix, "zh": chinese}
