"""Timing: round by round, every column once in each round, so that what the machine does in between falls on all alike."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .workloads import Runner

# A block shorter than this makes JAX wait for a call that it would have begun while the one before ran.
BLOCK = 20e-3
# Threads of OpenBLAS, OpenMP and others keep a core busy for up to 26 ms after a call, waiting for the next one.
SETTLE = 30e-3
# A shorter run before the block leaves PyTorch's threads on the wrong core: up to twice its time was seen.
RUN_UP = 30e-3
# A call that takes so long needs no other before it.
LONG = 0.3


@dataclass
class Clock:
    """A column's runner with the number of calls in a block of at least ``BLOCK`` seconds."""

    runner: Runner
    calls: int = 1
    seconds: float = math.inf

    def __post_init__(self) -> None:
        self.turn: Iterator[tuple[Any, ...]] = itertools.cycle(self.runner.batches)

    def block(self, calls: int) -> float:
        """Return the seconds of some calls, one after another."""
        call, result = self.runner.call, None
        arguments = itertools.islice(self.turn, calls)
        start = time.perf_counter()
        for batch in arguments:
            result = call(*batch)
        self.runner.wait(result)
        return time.perf_counter() - start

    def warm_up(self, seconds: float) -> None:
        """Run for some time, and choose how many calls fill a block."""
        end = time.perf_counter() + seconds
        self.seconds = self.block(1)
        while time.perf_counter() < end:
            self.seconds = min(self.seconds, self.block(self.calls) / self.calls)
            self.calls = calls_for(self.seconds)

    def measure(self) -> float:
        """Return the seconds of one call, in the middle of many: others' threads asleep, own ones awake, caches warm."""
        time.sleep(SETTLE)
        if self.seconds < LONG:
            self.block(calls_for(self.seconds, RUN_UP))
        return self.block(self.calls) / self.calls


def calls_for(seconds: float, block: float = BLOCK) -> int:
    """Return how many calls of the given duration fill a block.

    >>> calls_for(1e-3), calls_for(0.7), calls_for(4e-3, 5e-3)
    (20, 1, 2)
    """
    return max(1, -int(-block // max(seconds, 1e-9)))


def measure(clocks: dict[str, Clock], rounds: int, budget: float) -> dict[str, list[float]]:
    """Return seconds per call, by column, one figure for each round; at least 5 rounds, then until the budget is spent."""
    times: dict[str, list[float]] = {name: [] for name in clocks}
    end = time.perf_counter() + budget
    names = list(clocks)
    if not names:
        return times
    with collector_off():
        for done in range(rounds):
            if done >= 5 and time.perf_counter() > end:
                break
            # Each round begins with another column: nobody always follows the same neighbour's warm-up from sleep.
            shift = done % len(names)
            for name in names[shift:] + names[:shift]:
                times[name].append(clocks[name].measure())
            gc.collect()
    return times


class collector_off:
    """No garbage collection inside a block, for anybody; what is there already is not looked at between blocks."""

    def __enter__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()
        gc.unfreeze()


def summary(times: list[float]) -> dict[str, float]:
    """Return median, lower and upper quartile in microseconds, and the number of rounds.

    >>> summary([3e-6, 1e-6, 2e-6])
    {'median': 2.0, 'low': 1.5, 'high': 2.5, 'rounds': 3}
    """
    micro = sorted(1e6 * value for value in times)
    low, middle, high = statistics.quantiles(micro, n=4, method="inclusive") if len(micro) > 1 else micro * 3
    return {"median": round(middle, 3), "low": round(low, 3), "high": round(high, 3), "rounds": len(micro)}


Maker = Callable[..., Runner]
