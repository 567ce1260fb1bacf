"""The findings in English: for each fault a title and a message.

Messages name the evidence's numbers in braces; without a format a number reads as three significant digits. {where} and
{since} are always there. The Chinese texts have the same faults and the same fields.
"""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- before the training ------------------------------------------------------------------------------------------
    "start-loss": {
        "title": "The loss at the start is far too high",
        "message": (
            "The first batch has a loss of {loss}, where guessing among {classes} classes gives ln {classes} = {expected}. "
            "The network is sure of wrong answers before it has learned: its initial weights or its inputs are too large."
        ),
    },
}
