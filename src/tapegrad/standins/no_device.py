"""What a device that this machine does not have answers: that it is not there, and nothing to questions after its state.

``tapegrad.cuda``, ``mps``, ``xpu`` and ``mtia`` hand these names on. Scripts ask such questions before they know where
they run, so orders that change nothing on a CPU (seeds, caches, synchronisation) are accepted, and what needs the
device (its name, its properties) raises StateError.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from tapegrad.errors import StateError

__all__ = [
    "Event",
    "Stream",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """Return False: everything is computed on the CPU."""
    return False


def is_initialized() -> bool:
    """Return False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False: NumPy has no bfloat16."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: :func:`tapegrad.manual_seed` seeds all random numbers that there are."""


def manual_seed_all(seed: int) -> None:
    """Do nothing, as :func:`manual_seed`."""


def seed() -> None:
    """Do nothing, as :func:`manual_seed`."""


def seed_all() -> None:
    """Do nothing, as :func:`manual_seed`."""


def initial_seed() -> int:
    """Return the seed of the CPU's generator, the only one."""
    from tapegrad.random import initial_seed

    return initial_seed()


def get_rng_state_all() -> list[Any]:
    """Return the states of no generators."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Do nothing: there are no generators."""


def set_rng_state(new_state: Any, device: Any = None) -> None:
    """Do nothing: there is no generator."""


def get_rng_state(device: Any = None) -> Any:
    """Raise StateError."""
    raise _absent("get_rng_state")


def init() -> None:
    """Raise StateError: there is nothing to start."""
    raise _absent("init")


def synchronize(device: Any = None) -> None:
    """Do nothing: operations are complete when they return."""


def empty_cache() -> None:
    """Do nothing: there is no cache."""


def set_device(device: Any) -> None:
    """Do nothing."""


def reset_peak_memory_stats(device: Any = None) -> None:
    """Do nothing."""


def reset_max_memory_allocated(device: Any = None) -> None:
    """Do nothing."""


def memory_allocated(device: Any = None) -> int:
    """Return 0: no memory of a device is in use."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Return an empty dict."""
    return {}


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """Return a sentence that says so."""
    return "no device, and no memory of one"


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Return free and total memory: 0 and 0."""
    return 0, 0


def _absent(who: str) -> StateError:
    return StateError(who, "this machine has no such device", "ask is_available() first; everything runs on the CPU")


def current_device() -> int:
    """Raise StateError."""
    raise _absent("current_device")


def get_device_name(device: Any = None) -> str:
    """Raise StateError."""
    raise _absent("get_device_name")


def get_device_properties(device: Any = None) -> Any:
    """Raise StateError."""
    raise _absent("get_device_properties")


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Raise StateError."""
    raise _absent("get_device_capability")


@contextlib.contextmanager
def device(device: Any) -> Iterator[None]:
    """Change nothing within the block."""
    yield


class Stream:
    """A queue of work for a device. Work is done when it is called, so all of it has always been done."""

    def __init__(self, device: Any = None, priority: int = 0, **options: Any):
        self.device = device
        self.priority = priority

    def synchronize(self) -> None:
        """Do nothing."""

    def query(self) -> bool:
        """Return True: nothing is under way."""
        return True

    def wait_event(self, event: Event) -> None:
        """Do nothing."""

    def wait_stream(self, stream: Stream) -> None:
        """Do nothing."""

    def record_event(self, event: Event | None = None) -> Event:
        """Return an event that is recorded now."""
        event = event or Event()
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        return None


class Event:
    """A moment in a queue of work; on a CPU, a moment.

    >>> import tapegrad as tg
    >>> start, end = tg.cuda.Event(enable_timing=True), tg.cuda.Event(enable_timing=True)
    >>> start.record(), end.record()
    (None, None)
    >>> start.elapsed_time(end) >= 0
    True
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, **options: Any):
        self.moment: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Remember this moment."""
        self.moment = time.perf_counter()

    def wait(self, stream: Stream | None = None) -> None:
        """Do nothing."""

    def synchronize(self) -> None:
        """Do nothing."""

    def query(self) -> bool:
        """Return True: nothing is under way."""
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Return the milliseconds from this event to another. Raises StateError when one of them was not recorded."""
        if self.moment is None or end_event.moment is None:
            raise StateError("Event.elapsed_time", "one of the events was not recorded", "call record() on both")
        return (end_event.moment - self.moment) * 1000


def current_stream(device: Any = None) -> Stream:
    """Return a stream."""
    return Stream(device)


default_stream = current_stream


def set_stream(stream: Stream) -> None:
    """Do nothing."""


@contextlib.contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Change nothing within the block."""
    yield
