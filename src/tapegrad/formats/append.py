"""Appending to a file in one write, so that a kill leaves whole records."""

from __future__ import annotations

import os

__all__ = ["append_bytes", "write_all"]


def append_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Append bytes in one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        write_all(descriptor, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to an open file."""
    while data:  # a disk that fills up takes a part, and refuses the rest
        data = data[os.write(descriptor, data) :]
