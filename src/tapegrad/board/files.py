"""Reading files of run folders that may be anybody's: no links, no devices, no more than a bounded number of bytes."""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Any, BinaryIO

from ..train.lines import load

__all__ = ["is_plain_folder", "open_plain", "read_object", "read_text"]

MOST_BYTES = 32_000_000


def is_plain_folder(path: str | os.PathLike) -> bool:
    """Return whether a path is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def open_plain(folder: pathlib.Path, *parts: str) -> BinaryIO:
    """Return a file below a folder, open for reading. Raises OSError for links on the way, pipes and devices."""
    for i in range(1, len(parts)):
        if not is_plain_folder(folder.joinpath(*parts[:i])):
            raise OSError(f"{parts[i - 1]} is no folder")
    path = folder.joinpath(*parts)
    # Not to wait for the other end of a pipe.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    return os.fdopen(descriptor, "rb")


def read_text(folder: pathlib.Path, *parts: str, most: int = MOST_BYTES) -> str | None:
    """Return a file's text, None where there is no such file or it is longer than ``most`` bytes."""
    try:
        with open_plain(folder, *parts) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return data.decode("utf-8", "replace") if len(data) <= most else None


def read_object(folder: pathlib.Path, *parts: str) -> dict[str, Any]:
    """Return a JSON file's object, an empty one where there is none that can be read."""
    text = read_text(folder, *parts)
    if text is None:
        return {}
    try:
        value = load(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
