"""Writing a file whole or not at all.

Bytes go to a temporary name in the same folder, are synced to the disk, and only then take the file's name; the folder
is synced as well. A crash, a kill or a full disk leaves the file that was there before.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import UsageError

__all__ = ["atomic_file", "write_atomically"]

_count = itertools.count()


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Give a binary file to write to; it takes the name ``path`` when the block ends without an error.

    A symbolic link stays one: the file that it names is replaced. An existing file's permissions are kept.
    Raises OSError, naming ``path``, when writing fails (a full disk, say); the temporary file is then removed.
    Raises UsageError for a device or a pipe, which a file must not take the place of.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "notes.txt")
    >>> with atomic_file(path) as file:
    ...     _ = file.write(b"whole")
    >>> os.listdir(os.path.dirname(path))
    ['notes.txt']
    """
    path = os.fspath(path)
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise UsageError("atomic_file", f"{path} is no ordinary file", "give the path of a file")
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}-{next(_count)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise _about(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            _keep_permissions(file, target)
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
            raise _about(path, error) from None
        raise
    _sync_folder(folder)


def write_atomically(path: str | os.PathLike, data: bytes) -> None:
    """Write ``data`` as the whole content of ``path``, or leave what was there. See :func:`atomic_file`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    >>> write_atomically(path, b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    with atomic_file(path) as file:
        file.write(data)


def _about(path: str, error: OSError) -> OSError:
    """Return the error with the name that the caller knows, not the temporary one."""
    return OSError(error.errno, error.strerror, path)


def _keep_permissions(file: BinaryIO, target: str) -> None:
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), stat.S_IMODE(os.stat(target).st_mode))


def _sync_folder(folder: str) -> None:
    """Make the renaming itself last; systems whose folders cannot be opened do that on their own."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
