"""Where tapegrad differs from PyTorch on purpose: name, what of the case's text, and why.

The name is a pattern of ``fnmatch``, ``what`` a regular expression that is searched for in
``<case> -> <what differs>``. Nothing else may stand here: an oversight is mended, not listed.
"""

from __future__ import annotations

import fnmatch
import re

DIFFERENCES: list[tuple[str, str, str]] = []


# Signatures: name, what of the words that say what differs, and why.
SIGNATURES: list[tuple[str, str, str]] = []


def listed(table: list[tuple[str, str, str]], name: str, text: str) -> str | None:
    """The reason that a table gives for a difference, or None."""
    for pattern, what, reason in table:
        if fnmatch.fnmatchcase(name, pattern) and re.search(what, text):
            return reason
    return None


def deliberate(name: str, text: str) -> str | None:
    """The reason for a difference between results."""
    return listed(DIFFERENCES, name, text)
