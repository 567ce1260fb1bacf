"""Texts of files that may be anybody's, on a terminal that obeys what it is sent."""

from __future__ import annotations

import re

__all__ = ["visible"]

# Control codes but tab and newline, what turns the direction of writing, and halves of characters.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Return a text with U+FFFD in place of each character that a terminal would obey instead of showing it.

    >>> visible("fc1\x1b[31m: \t128\n")
    'fc1�[31m: \t128\n'
    """
    return _OBEYED.sub("\ufffd", text)
