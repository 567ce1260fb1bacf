"""Two halves of a kernel's work at once: NumPy releases Python's lock inside its loops and products.

The work is always cut in the same two parts, whether they run beside or after each other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any

from ..blas import WAITS_BRIEFLY
from ..errors import ArgumentError

__all__ = ["get_num_threads", "set_num_threads"]


def _initial_threads() -> int:
    given = next((os.environ[n] for n in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if n in os.environ), "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(given)) if given.isdigit() else cores


class _Setting:
    threads = _initial_threads()


def get_num_threads() -> int:
    """Return how many threads kernels may use at once; those of NumPy's products count for themselves.

    Source: https://pytorch.org/docs/stable/generated/torch.get_num_threads.html

    >>> import tapegrad as tg
    >>> tg.get_num_threads() >= 1
    True
    """
    return _Setting.threads


def set_num_threads(threads: int) -> None:
    """Set how many threads kernels may use at once: convolutions and pooling use up to two.

    At first it is ``OMP_NUM_THREADS`` or ``OPENBLAS_NUM_THREADS``, or the number of cores. Results differ by rounding at most.
    Raises ArgumentError for a number below 1.
    Source: https://pytorch.org/docs/stable/generated/torch.set_num_threads.html

    >>> import tapegrad as tg
    >>> tg.set_num_threads(tg.get_num_threads())
    """
    if threads < 1:
        raise ArgumentError("set_num_threads", f"threads is {threads}", "use at least 1")
    _Setting.threads = int(threads)


class _Worker:
    """A second thread that waits for work; ``taken`` is held while somebody uses it."""

    def __init__(self) -> None:
        # Imported where a second thread is wanted: most programs never run one.
        from queue import SimpleQueue

        self.taken = threading.Lock()
        self._work: SimpleQueue = SimpleQueue()
        self._done: SimpleQueue = SimpleQueue()
        self._avoided = -1
        self._thread = threading.Thread(target=self._run, name="tapegrad-kernels", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            function, args = self._work.get()
            try:
                self._done.put((function(*args), None))
            except BaseException as error:
                self._done.put((None, error))
            del function, args

    def begin(self, function: Callable, *args: Any) -> None:
        here = _core()
        if here is not None and here != self._avoided:
            self._leave(here)
        self._work.put((function, args))

    def _leave(self, core: int) -> None:
        """Keep off a core: on a busy machine a thread is woken on that of the thread that wakes it, and both wait."""
        others = os.sched_getaffinity(0) - {core}
        if others and self._thread.native_id:
            os.sched_setaffinity(self._thread.native_id, others)
        self._avoided = core

    def result(self) -> Any:
        value, error = self._done.get()
        if error is not None:
            raise error
        return value


@cache
def _core_function() -> Callable | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


def _core() -> int | None:
    """Return the core that this thread runs on, None where the system does not say or does not let threads choose."""
    function = _core_function()
    return None if function is None else function()


@cache
def _worker() -> _Worker:
    return _Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_worker.cache_clear)


@cache
def _openblas() -> tuple[Callable, Callable] | None:
    """Return the functions that get and set the number of threads of NumPy's OpenBLAS; None for another library."""
    import ctypes

    import numpy

    libraries = os.path.join(os.path.dirname(numpy.__file__), "..", "numpy.libs")
    if not os.path.isdir(libraries):
        return None
    for file in sorted(name for name in os.listdir(libraries) if "openblas" in name):
        library = ctypes.CDLL(os.path.join(libraries, file))
        for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"):
            get, set_threads = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
            if get is not None and set_threads is not None:
                return get, set_threads
    return None


def _blas() -> tuple[Callable, Callable] | None:
    """Return :func:`_openblas`, None where its threads would wait on the core that is wanted here (see ``blas``)."""
    return _openblas() if WAITS_BRIEFLY else None


def halves(xp: Any, work: Callable, count: int) -> list:
    """Return [work(0, middle), work(middle, count)], run in two threads where there are two and products allow it.

    Products run in one thread each meanwhile; where NumPy's library cannot be told so, they keep their own threads and
    the halves follow each other.
    """
    if count < 2:
        return [work(0, count)]
    middle = (count + 1) // 2
    blas = _blas() if _Setting.threads > 1 and xp.__name__ == "numpy" else None
    worker = _worker() if blas else None
    if blas is None or worker is None or not worker.taken.acquire(blocking=False):
        return [work(0, middle), work(middle, count)]
    get, set_threads = blas
    before = get()
    set_threads(1)
    try:
        worker.begin(copy_context().run, work, middle, count)
        try:
            first = work(0, middle)
        finally:
            second = worker.result()
    finally:
        set_threads(before)
        worker.taken.release()
    return [first, second]


@contextmanager
def one_thread(xp: Any, wanted: bool = True) -> Iterator[None]:
    """Run products in one thread inside, where that is ``wanted``: waking a second costs more than small ones take."""
    blas = _openblas() if wanted and _Setting.threads > 1 and xp.__name__ == "numpy" else None
    worker = _worker() if blas else None
    if blas is None or worker is None or not worker.taken.acquire(blocking=False):
        yield
        return
    get, set_threads = blas
    before = get()
    set_threads(1)
    try:
        yield
    finally:
        set_threads(before)
        worker.taken.release()
