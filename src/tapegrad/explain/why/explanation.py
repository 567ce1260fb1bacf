"""What explain() answers."""

from __future__ import annotations

import dataclasses
import html
import textwrap
from typing import Any

__all__ = ["Explanation"]


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """Why a gradient is what it is.

    ``cause`` is a short name such as ``"detached"``, ``where`` the ``file:line`` that it happened at (empty when that is
    not known), ``evidence`` the numbers behind it, ``advice`` what to do. ``state`` is what the gradient is: ``"none"``,
    ``"zero"``, ``"mostly zero"``, ``"tiny"``, ``"huge"``, ``"inf"``, ``"nan"`` or ``"fine"``. Printing it gives sentences.
    """

    subject: str
    state: str
    cause: str
    text: str
    where: str = ""
    advice: str = ""
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        lines = [f"{self.text}{place}."]
        if self.advice:
            lines.append(f"{self.advice[:1].upper()}{self.advice[1:]}.")
        return "\n".join(line for text in lines for line in textwrap.wrap(text, 100, break_long_words=False))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [("cause", self.cause), ("where", self.where), ("what to do", self.advice)]
        rows += [(name, str(value)) for name, value in self.evidence.items()]
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in rows
            if value
        )
        return f"<div><p>{html.escape(self.text)}.</p><table>{cells}</table></div>"
