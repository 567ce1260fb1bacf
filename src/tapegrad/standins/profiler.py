"""``torch.profiler``: how long the blocks take that a script names, by the clock.

Single operations are not counted: ``python -m cProfile`` shows them, as they are Python functions.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import time
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """Whose work is looked at."""

    CPU = 0
    CUDA = 1
    XPU = 2


class ProfilerAction(enum.Enum):
    """What a step's profile does."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """Return a function from a step's number to what is done with it. Source: https://docs.pytorch.org/docs/stable/profiler.html"""

    def action(step: int) -> ProfilerAction:
        cycle = wait + warmup + active
        step -= skip_first
        if step < 0 or (repeat and step >= repeat * cycle):
            return ProfilerAction.NONE
        at = step % cycle - wait
        if at < 0:
            return ProfilerAction.NONE
        if at < warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == warmup + active - 1 else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False) -> Callable:
    """Return a function that does nothing with a profile: there is no trace of operations to store."""
    return lambda profile: None


class _Table(list):
    """Rows of name, calls and seconds, the longest first."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """Return the rows as text."""
        lines = [f"{'Name':40}  {'Calls':>8}  {'Total ms':>12}"]
        rows = self[:row_limit] if row_limit > 0 else self
        return "\n".join(lines + [f"{name:40}  {calls:8}  {seconds * 1e3:12.3f}" for name, calls, seconds in rows])


class profile:  # noqa: N801
    """Measures the blocks that :class:`record_function` names within it.

    >>> import tapegrad as tg
    >>> with tg.profiler.profile() as p:
    ...     with tg.profiler.record_function("forward"):
    ...         y = tg.ones(3).exp()
    >>> [row[:2] for row in p.key_averages()]
    [('forward', 1)]
    """

    running: profile | None = None

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        **options: Any,
    ):
        self.step_num = 0
        self._on_trace_ready = on_trace_ready
        self._spent: dict[str, list[float]] = {}
        self._outer: profile | None = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        self._outer, profile.running = profile.running, self

    def stop(self) -> None:
        """End, and call ``on_trace_ready``."""
        profile.running = self._outer
        if self._on_trace_ready is not None:
            self._on_trace_ready(self)

    def step(self) -> None:
        """Count a step."""
        self.step_num += 1

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **options: Any) -> _Table:
        """Return name, calls and seconds of each block, the longest first; ``table()`` of it is a text."""
        rows = [(name, len(times), sum(times)) for name, times in self._spent.items()]
        return _Table(sorted(rows, key=lambda row: -row[2]))

    def events(self) -> list[tuple[str, float]]:
        """Return name and seconds of each block that ended."""
        return [(name, spent) for name, times in self._spent.items() for spent in times]

    def export_chrome_trace(self, path: str) -> None:
        """Write the blocks as a trace that browsers show: a list of names and durations."""
        import json

        events = [{"name": name, "ph": "X", "ts": 0, "dur": spent * 1e6, "pid": 0} for name, spent in self.events()]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events}, file)


class record_function(contextlib.ContextDecorator):  # noqa: N801
    """A context manager and decorator that gives a block a name in the running :class:`profile`."""

    def __init__(self, name: str, args: str | None = None):
        self.name = name

    def __enter__(self) -> record_function:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        if profile.running is not None:
            profile.running._spent.setdefault(self.name, []).append(time.perf_counter() - self._began)

    def __call__(self, func: Callable) -> Callable:
        """Return a function whose every call is such a block."""

        @functools.wraps(func)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return func(*args, **kwargs)

        return named
