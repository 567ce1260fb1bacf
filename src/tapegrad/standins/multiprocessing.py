"""``torch.multiprocessing``: the standard library's ``multiprocessing``, with :func:`spawn`. Tensors are sent as copies."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing.process import BaseProcess
from typing import Any

from tapegrad.errors import StateError

__all__ = [
    *multiprocessing.__all__,
    "ProcessContext",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]


class ProcessRaisedException(StateError):
    """A process of :func:`spawn` raised; the message holds its traceback."""


class ProcessExitedException(StateError):
    """A process of :func:`spawn` ended with another exit code than 0."""


class ProcessContext:
    """The processes that :func:`spawn` started."""

    def __init__(self, processes: list[BaseProcess], reports: list[Any]):
        self.processes = processes
        self._reports = reports

    def pids(self) -> list[int | None]:
        """Return the numbers of the processes."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until one process ends; return whether all have. Raises what a process failed with, after ending the others."""
        waiting = {process.sentinel: rank for rank, process in enumerate(self.processes) if process.is_alive()}
        if waiting and all(process.exitcode in (None, 0) for process in self.processes):
            multiprocessing.connection.wait(waiting, timeout)
        for rank, process in enumerate(self.processes):
            if process.exitcode not in (None, 0):
                self._fail(rank, process, grace_period)
        return all(process.exitcode == 0 for process in self.processes)

    def _fail(self, rank: int, process: BaseProcess, grace_period: float | None) -> None:
        for other in self.processes:
            if other.is_alive():
                other.terminate()
            other.join(grace_period)
        report = self._reports[rank]
        if report.poll():
            raise ProcessRaisedException("spawn", f"process {rank} raised:\n\n{report.recv()}")
        raise ProcessExitedException("spawn", f"process {rank} ended with exit code {process.exitcode}")


SpawnContext = ProcessContext


def _work(fn: Callable, rank: int, args: tuple, report: Any) -> None:
    try:
        fn(rank, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        report.send(traceback.format_exc())
        raise SystemExit(1) from None


def start_processes(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(rank, *args)`` in ``nprocs`` processes; return None when all have ended, or with ``join=False`` a context.

    Raises ProcessRaisedException with the traceback of the first process that raised, ProcessExitedException for one
    that ended otherwise. Source: https://docs.pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses
    """
    context = multiprocessing.get_context(start_method)
    processes, reports = [], []
    for rank in range(nprocs):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(fn, rank, args, sender), daemon=daemon)  # type: ignore[attr-defined]
        process.start()
        sender.close()
        processes.append(process)
        reports.append(receiver)
    started = ProcessContext(processes, reports)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Return :func:`start_processes` of the same arguments."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)


def get_all_sharing_strategies() -> set[str]:
    """Return the ways to share tensors: ``"file_system"`` stands for sending copies."""
    return {"file_system", "file_descriptor"}


def get_sharing_strategy() -> str:
    """Return ``"file_system"``."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Do nothing: tensors are sent as copies."""
