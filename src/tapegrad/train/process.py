"""Who is training a run, and whether that process is still alive."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Any

__all__ = ["is_running", "this_process"]


def this_process() -> dict[str, Any]:
    """Return what tells this process from all others: its host, its id, and when it was started."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}


def is_running(process: Mapping[str, Any]) -> bool:
    """Return whether a process that :func:`this_process` described is alive. One on another host counts as alive."""
    if process.get("host") != socket.gethostname():
        return "pid" in process
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
