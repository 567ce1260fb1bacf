"""Writing a file whole or not at all.

Bytes go to a temporary name in the same folder, are synced to the disk, and only then take the file's name; the folder
is synced as well. A crash, a kill or a full disk leaves the file that was there before.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
import time
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import UsageError

__all__ = ["atomic_file", "remove_stale", "write_atomically"]

_count = itertools.count()
_TEMPORARY = re.compile(r"\..+\.(\d+)-\d+\.tmp")
# What this process is writing just now. Another one may have had its id: in a container every first process has.
_being_written: set[str] = set()
_DAY = 86400


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, previous: str | os.PathLike | None = None) -> Iterator[BinaryIO]:
    """Give a binary file to write to; it takes the name ``path`` when the block ends without an error.

    A symbolic link stays one: the file that it names is replaced. An existing file's permissions are kept.
    ``previous``: the name, in the same folder, that the file which had the name before gets then.
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
    try:
        temporary, descriptor = _create(folder, name)
    except OSError as error:
        raise _about(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            _keep_permissions(file, target)
            os.fsync(file.fileno())
        if previous is not None and os.path.exists(target):
            _rename_old(target, os.path.realpath(previous))
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
            raise _about(path, error) from None
        raise
    finally:
        _being_written.discard(temporary)
    _sync_folder(folder)


def _create(folder: str, name: str) -> tuple[str, int]:
    """Make a temporary file beside the target and return its path and descriptor."""
    while True:
        temporary = os.path.join(folder, f".{name[:60]}.{os.getpid()}-{next(_count)}.tmp")
        _being_written.add(temporary)
        try:
            return temporary, os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
            )
        except FileExistsError:  # left by a dead process that had our id
            _being_written.discard(temporary)
        except OSError:
            _being_written.discard(temporary)
            raise


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


def _rename_old(target: str, previous: str) -> None:
    """Give a file a second name, so that it has one at every moment; where there are no hard links, another one."""
    second = f"{os.path.join(os.path.dirname(previous), '.' + os.path.basename(previous)[:60])}.{os.getpid()}-{next(_count)}.tmp"
    try:
        os.link(target, second)
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
            raise
        os.replace(target, previous)
        return
    try:
        os.replace(second, previous)
    finally:
        with contextlib.suppress(OSError):  # still there when both names meant one file, or when it could not be moved
            os.unlink(second)


def remove_stale(folder: str | os.PathLike) -> list[str]:
    """Remove the temporary files that killed processes left in a folder; return their paths.

    Those of living processes stay. A folder that does not exist has none.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / ".notes.txt.99999999-0.tmp").write_bytes(b"half")
    >>> len(remove_stale(folder)), list(folder.iterdir())
    (1, [])
    """
    folder = os.path.realpath(os.fspath(folder))
    removed = []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        match = _TEMPORARY.fullmatch(name)
        path = os.path.join(folder, name)
        if match and not _in_use(path, int(match[1])):
            with contextlib.suppress(OSError):
                os.unlink(path)
                removed.append(path)
    return removed


def _in_use(temporary: str, process: int) -> bool:
    if process == os.getpid():
        return temporary in _being_written
    if os.name != "posix":  # where signal 0 is not a question; nothing is written for a day
        with contextlib.suppress(OSError):
            return time.time() - os.path.getmtime(temporary) < _DAY
        return False
    with contextlib.suppress(PermissionError):  # another user's, but alive
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


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
