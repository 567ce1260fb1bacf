"""Where commands write: a folder that is not there is more often a typing error than a wish."""

from __future__ import annotations

import os

from ..errors import ArgumentError

__all__ = ["check_place"]


def check_place(who: str, path: str) -> None:
    """Raise ArgumentError when the folder that a file, or a folder of results, is to lie in does not exist."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        what = f"{folder} is no folder" if os.path.lexists(folder) else f"there is no folder {folder}"
        raise ArgumentError(who, what, "check the path, or make the folder first")
