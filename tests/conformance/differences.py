"""Where tapegrad differs from PyTorch on purpose: name, what of the case's text, and why.

The name is a pattern of ``fnmatch``, ``what`` a regular expression that is searched for in
``<case> -> <what differs>``. Nothing else may stand here: an oversight is mended, not listed.
"""

from __future__ import annotations

import fnmatch
import re

DIFFERENCES: list[tuple[str, str, str]] = []


def deliberate(name: str, text: str) -> str | None:
    """The reason that is listed for a difference, or None."""
    for pattern, what, reason in DIFFERENCES:
        if fnmatch.fnmatchcase(name, pattern) and re.search(what, text):
            return reason
    return None
