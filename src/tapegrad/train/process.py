"""Who is training a run, and whether that process is still alive."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import StateError

__all__ = ["is_running", "locked", "this_process"]


def this_process() -> dict[str, Any]:
    """Return what tells this process from all others: its host, its id, and when it was started."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}


# A training writes a checkpoint every minute.
_SILENT = 300.0


def is_running(process: Mapping[str, Any], silence: float = 0.0) -> bool:
    """Return whether a process that :func:`this_process` described is alive.

    One on another host, which cannot be asked, counts as alive unless it has been silent for five minutes.
    """
    if process.get("host") != socket.gethostname():
        return "pid" in process and silence < _SILENT
    pid = process.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return False
    born = _born(pid)
    return born == process.get("born") if born is not None else _answers(pid)


def _born(pid: int) -> int | None:
    """Return when a process was started, in the kernel's ticks: ids are given again, the pair of both is not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, *fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if state in b"ZX" else int(fields[18])


def _answers(pid: int) -> bool:
    if os.name != "posix":  # where signal 0 is not a question
        return pid == os.getpid()
    if os.path.exists("/proc/self/stat"):  # which would have told when the process was started
        return False
    with contextlib.suppress(PermissionError):  # another user's, but alive
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


@contextlib.contextmanager
def locked(folder: str | os.PathLike, who: str, wait: float = 0.0, shared: bool = False) -> Iterator[None]:
    """Hold a folder for this process alone, or ``shared`` with others that hold it so.

    The system lets go of it when the process ends, however it ends.
    Raises StateError when another process still holds it after ``wait`` seconds. Where the system cannot lock folders,
    nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StateError(
                        who, f"{folder} is in use by another process", "wait for it to end, or stop it"
                    ) from None
                time.sleep(min(0.05, max(0.0, until - time.monotonic())))
            except OSError:  # a network disk without locks
                break
        yield
    finally:
        os.close(descriptor)
