"""How far a training is, and what it has measured in the running epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

__all__ = ["Averages", "Position"]


@dataclasses.dataclass
class Position:
    """How far a training is: ``batch`` batches into ``epoch``, ``step`` updates in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


class Averages:
    """Running means over samples: ``add`` a batch's mean with its size, read the mean so far from ``result``."""

    def __init__(self, sums: Mapping[str, float] | None = None, count: int = 0):
        self.sums = dict(sums or {})
        self.count = count

    def add(self, size: int, **means: float) -> None:
        """Count one batch."""
        self.count += size
        for name, value in means.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * size

    def result(self) -> dict[str, float]:
        """Return the means over all samples counted."""
        return {name: total / max(self.count, 1) for name, total in self.sums.items()}
