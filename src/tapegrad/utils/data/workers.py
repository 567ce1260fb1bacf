"""Threads that read batches ahead."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Job", "WorkerInfo", "Workers", "get_worker_info"]


class WorkerInfo(NamedTuple):
    """What :func:`get_worker_info` tells inside a worker."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Local(threading.local):
    info: WorkerInfo | None = None
    failure: BaseException | None = None


_LOCAL = _Local()


def get_worker_info() -> WorkerInfo | None:
    """Return id, number of workers, seed and dataset inside a worker, None elsewhere.

    An IterableDataset is read by one worker whatever ``num_workers`` is, so there it says "worker 0 of 1".
    """
    return _LOCAL.info


class Job:
    """A call that a worker makes, and its result."""

    def __init__(self, call: Callable[[], Any]):
        self._call = call
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call."""
        try:
            if _LOCAL.failure is not None:
                raise _LOCAL.failure
            self._value = self._call()
        except BaseException as error:  # whatever it is, it belongs to the caller
            self._error = error
        self._done.set()

    def result(self, timeout: float | None) -> Any:
        """Wait for the result and return it, or raise what the call raised; TimeoutError after ``timeout`` seconds."""
        if not self._done.wait(timeout):
            raise TimeoutError
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds this frame
        return self._value


class Workers:
    """Threads that take jobs in the order in which they are given.

    They keep no reference to this object: when it is dropped, they end after the job in hand.
    They are daemons, so a program that ends in the midst of reading ends at once.
    """

    def __init__(self, count: int, dataset: Any, seed: int, begin: Callable[[int], Any] | None):
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(
                target=_serve,
                args=(self._jobs, WorkerInfo(i, count, seed + i, dataset), begin),
                name=f"tapegrad-data-{i}",
                daemon=True,
            )
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], Any]) -> Job:
        """Hand a call over."""
        job = Job(call)
        self._jobs.put(job)
        return job

    def close(self, wait: bool) -> None:
        """Let the threads end once the jobs given so far are done; ``wait`` until they have."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def __del__(self) -> None:
        self.close(wait=False)


_BEGINNING = threading.Lock()


def _begin(begin: Callable[[int], Any], number: int) -> None:
    """Call the user's function, which may seed random, and numpy.random: those that the program itself draws from."""
    with _BEGINNING:
        numbers, array_numbers = random.getstate(), np.random.get_state()
        try:
            begin(number)
        finally:
            random.setstate(numbers)
            np.random.set_state(array_numbers)


def _serve(jobs: queue.SimpleQueue, info: WorkerInfo, begin: Callable[[int], Any] | None) -> None:
    _LOCAL.info = info
    try:
        if begin is not None:
            _begin(begin, info.id)
    except BaseException as error:
        error.add_note(f"DataLoader: in worker_init_fn({info.id})")
        _LOCAL.failure = error
    while (job := jobs.get()) is not None:
        job.run()
        del job
