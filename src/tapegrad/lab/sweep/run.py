"""Running a sweep's trials in parallel processes, each with one BLAS thread."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ...errors import ArgumentError, StateError
from ...train.process import locked
from .folder import Failure, Sweep, write_failure
from .plan import Trial
from .worker import Execute, Outcome, Task, execute, start, work

__all__ = ["Display", "run_sweep"]

# What NumPy's and SciPy's possible BLAS libraries read when they are loaded.
_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_POLL = 0.1
_GRACE = 20.0
# Workers whose parent was killed end by themselves, at once; who takes the sweep up waits for that.
_WAIT_FOR_ORPHANS = 30.0


class Display:
    """What is told while a sweep runs. Subclasses show it."""

    def begin(self, total: int, done: int) -> None:
        """Before the first trial: how many there are, and how many are done already."""

    def started(self, trial: Trial) -> None:
        """A trial begins, or goes on."""

    def progress(self, trial: Trial, values: dict[str, Any]) -> None:
        """A trial is at ``step`` of ``steps``, in ``epoch``, with ``loss``."""

    def ended(self, trial: Trial, outcome: Outcome, seconds: float) -> None:
        """A trial is finished, has failed, or was stopped."""

    def stopping(self) -> None:
        """Ctrl-C came; the running trials save their state."""

    def end(self) -> None:
        """After the last trial, or when the sweep was stopped."""


def run_sweep(
    sweep: Sweep,
    *,
    jobs: int | None = None,
    display: Display | None = None,
    pictures: bool = False,
    execute: Execute = execute,
) -> None:
    """Run the trials that have no result yet, ``jobs`` at a time (as many as the machine has processors).

    Each runs in a process of its own making with one BLAS thread, so that the number of jobs changes no bit of any
    result. A trial that fails leaves ``failure.json`` in its folder; the others go on.
    Raises KeyboardInterrupt after Ctrl-C, when the running trials have saved their state; StateError when the sweep is
    being run by another process, and when no process can be started.
    """
    if jobs is not None and jobs < 1:
        raise ArgumentError("sweep", f"{jobs} jobs", "give 1 or more")
    display = display or Display()
    total = len(sweep.plan.trials)
    sweep.trials.mkdir(exist_ok=True)
    with locked(sweep.folder, "sweep"):
        with locked(sweep.trials, "sweep", _WAIT_FOR_ORPHANS):
            pass
        todo = sweep.unfinished()
        slots = [_Slot(sweep, execute, pictures) for _ in range(min(jobs or _processors(), len(todo)))]
        display.begin(total, total - len(todo))
        try:
            with _one_thread():
                _run_all(slots, collections.deque(todo), display)
        except KeyboardInterrupt:
            display.stopping()
            _stop(slots, display)
            raise
        finally:
            for slot in slots:
                slot.close()
            display.end()


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_all(slots: list[_Slot], todo: collections.deque[Trial], display: Display) -> None:
    while todo or any(slot.busy for slot in slots):
        for slot in slots:
            if todo and not slot.busy:
                display.started(todo[0])
                slot.begin(todo.popleft())
        _step(slots, display)


def _step(slots: list[_Slot], display: Display) -> None:
    """Wait a moment for something to happen, and pass it on."""
    running = [slot for slot in slots if slot.future is not None]
    concurrent.futures.wait(
        [slot.future for slot in running if slot.future is not None],
        timeout=_POLL,
        return_when=concurrent.futures.FIRST_COMPLETED,
    )
    for slot in running:
        for message in slot.messages():
            display.progress(slot.trial, message)
        if slot.future is not None and slot.future.done():
            trial, started = slot.trial, slot.started
            display.ended(trial, slot.collect(), time.monotonic() - started)


def _stop(slots: list[_Slot], display: Display) -> None:
    """Let the running trials save their state, for a while; a second Ctrl-C ends the wait."""
    for slot in slots:
        slot.ask_to_stop()
    until = time.monotonic() + _GRACE
    with contextlib.suppress(KeyboardInterrupt):
        while any(slot.busy for slot in slots) and time.monotonic() < until:
            _step(slots, display)


class _Slot:
    """One worker process, renewed when it breaks. A pool of its own, so that a broken one names its trial."""

    def __init__(self, sweep: Sweep, execute: Execute, pictures: bool):
        self.sweep = sweep
        self.execute = execute
        self.pictures = pictures
        self.pool: concurrent.futures.ProcessPoolExecutor | None = None
        self.connection: Any = None
        self.future: concurrent.futures.Future[Outcome] | None = None
        self.trial: Trial
        self.started = 0.0
        self.ready = False

    @property
    def busy(self) -> bool:
        return self.future is not None

    def begin(self, trial: Trial) -> None:
        self.trial, self.started = trial, time.monotonic()
        task = Task(self.sweep.folder.resolve(), trial, self.execute, self.pictures)
        if self.pool is not None:
            self.future = self.pool.submit(work, task)
            return
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.ready = False
        self.pool = concurrent.futures.ProcessPoolExecutor(1, context, initializer=start, initargs=(theirs,))
        with _interrupts_blocked():
            self.future = self.pool.submit(work, task)
        theirs.close()

    def messages(self) -> Iterator[dict[str, Any]]:
        with contextlib.suppress(EOFError, OSError):
            while self.connection is not None and self.connection.poll():
                message = self.connection.recv()
                if "ready" in message:
                    self.ready = True
                else:
                    yield message

    def collect(self) -> Outcome:
        """Return how the trial ended, and be free for the next one."""
        assert self.future is not None
        future, self.future = self.future, None
        try:
            return future.result()
        except BrokenProcessPool:
            began = self.ready
            self.close()
            if not began:
                raise StateError(
                    "sweep",
                    "a worker process ended before it began",
                    "call it from a file, under if __name__ == '__main__':",
                ) from None
            failure = Failure("its process was killed from outside; there may have been too little memory")
            write_failure(self.sweep.run(self.trial), failure)
            return Outcome("failed", failure)

    def ask_to_stop(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.send("stop")

    def close(self) -> None:
        """End the process: at once when it is busy, as it sees its end of the pipe closed."""
        if self.pool is not None:
            self.connection.close()
            self.pool.shutdown(wait=True, cancel_futures=True)
        self.pool = self.connection = None


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Have Ctrl-C reach this process alone: one that is started now inherits the block."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Give the processes that are started now one BLAS thread each, from before NumPy is imported there."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
