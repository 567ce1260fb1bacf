"""How much of a training's time the doctor takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

__all__ = ["Pace"]


class Pace:
    """Keeps what the doctor does within a share ``budget`` of the time since :meth:`begin`.

    ``seconds``: how long it has worked. What it did last time tells what each kind of work costs; what it never did is
    taken to cost nothing. Looks are due at twice the step each.
    """

    def __init__(self, budget: float):
        self.budget = budget
        self.seconds = 0.0
        # The number of updates before the next look.
        self.next = 0
        self._began = 0.0
        self._costs: dict[str, float] = {}

    def begin(self, step: int) -> None:
        """Start the clock, before the update after ``step`` others."""
        self._began = time.perf_counter()
        self.seconds, self.next = 0.0, step

    def affords(self, work: str, share: float = 1.0) -> bool:
        """Return whether there is time for some work within a share of the budget."""
        allowed = share * self.budget * (time.perf_counter() - self._began)
        return self.seconds + self._costs.get(work, 0.0) <= allowed

    @contextlib.contextmanager
    def spend(self, work: str) -> Iterator[None]:
        """Count the time of the ``with`` block as that of some work."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._costs[work] = time.perf_counter() - began
            self.seconds += self._costs[work]

    def looked(self, step: int) -> None:
        """Note a look before the update after ``step`` others."""
        self.next = 2 * step + 1

    def put_off(self, step: int) -> None:
        """Note that there was no time for a look that was due."""
        self.next = step + max(step // 16, 1)
