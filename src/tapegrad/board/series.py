"""A course of values in bounded memory: neighbours are joined, with their lowest, highest and last value."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["CAPACITY", "Series"]

CAPACITY = 1 << 16
_STEP, _VALUE, _LOW, _HIGH = range(4)


class Series:
    """Values by step. When there are more than ``capacity`` buckets, each two neighbours become one of twice the width.

    A million values take two megabytes, and reading them takes no longer than reading ``capacity`` of them.

    >>> series = Series(capacity=4)
    >>> series.extend([1, 2, 3, 4, 5, 6], [5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
    >>> series.view(10)
    {'step': [2.0, 4.0, 6.0], 'value': [1.0, 2.0, 6.0], 'low': [1.0, 2.0, 3.0], 'high': [5.0, 4.0, 6.0]}
    """

    def __init__(self, capacity: int = CAPACITY):
        self.capacity = capacity
        self.count = 0
        self._rows = np.empty((4, 64))
        self._used = 0
        self._width = 1
        # Steps and values that do not fill a bucket yet.
        self._rest = np.empty((2, 0))

    @property
    def last(self) -> tuple[float, float] | None:
        """The last step and its value, None of an empty course."""
        if self._rest.shape[1]:
            return float(self._rest[0, -1]), float(self._rest[1, -1])
        if self._used:
            return float(self._rows[_STEP, self._used - 1]), float(self._rows[_VALUE, self._used - 1])
        return None

    def extend(self, steps: Any, values: Any) -> None:
        """Append values by steps; one whose step is before another's that came earlier is passed over."""
        new = np.array([steps, values], np.float64)
        before = self.last
        highest = np.maximum.accumulate(np.concatenate([[-np.inf if before is None else before[0]], new[0]]))
        new = new[:, new[0] >= highest[:-1]]
        self.count += new.shape[1]
        waiting = np.concatenate([self._rest, new], axis=1)
        while waiting.shape[1] >= self._width:
            if self._used == self.capacity:
                self._halve()
                continue
            buckets = min(waiting.shape[1] // self._width, self.capacity - self._used)
            whole, waiting = np.split(waiting, [buckets * self._width], axis=1)
            self._append(_joined(whole.reshape(2, buckets, self._width)))
        self._rest = waiting

    def _append(self, rows: np.ndarray) -> None:
        needed = self._used + rows.shape[1]
        if needed > self._rows.shape[1]:
            grown = np.empty((4, min(max(needed, 2 * self._rows.shape[1]), self.capacity)))
            grown[:, : self._used] = self._rows[:, : self._used]
            self._rows = grown
        self._rows[:, self._used : needed] = rows
        self._used = needed

    def _halve(self) -> None:
        pairs = self._rows[:, : self._used].reshape(4, self._used // 2, 2)
        joined = np.stack([pairs[_STEP, :, 1], pairs[_VALUE, :, 1], *_bounds(pairs[_LOW], pairs[_HIGH])])
        self._used //= 2
        self._rows[:, : self._used] = joined
        self._width *= 2

    def view(self, points: int, low: float | None = None, high: float | None = None) -> dict[str, list[float]]:
        """Return at most ``points`` buckets of the steps from ``low`` to ``high``: steps, last, lowest, highest values."""
        rows = self._rows[:, : self._used]
        if self._rest.shape[1]:
            rows = np.concatenate([rows, _joined(self._rest[:, None, :])], axis=1)
        first = 0 if low is None else int(np.searchsorted(rows[_STEP], low, "left"))
        end = rows.shape[1] if high is None else int(np.searchsorted(rows[_STEP], high, "right"))
        rows = rows[:, first:end]
        if rows.shape[1] > points:
            starts = np.linspace(0, rows.shape[1], points, endpoint=False).astype(np.intp)
            ends = np.append(starts[1:], rows.shape[1]) - 1
            lows, highs = np.fmin.reduceat(rows[_LOW], starts), np.fmax.reduceat(rows[_HIGH], starts)
            rows = np.stack([rows[_STEP, ends], rows[_VALUE, ends], lows, highs])
        return dict(zip(("step", "value", "low", "high"), rows.tolist(), strict=True))

    def after(self, count: int, points: int = 500) -> list[list[float]]:
        """Return [step, value] of what came after the first ``count`` values, at most the last ``points`` buckets."""
        fresh = self.count - count
        if fresh <= 0:
            return []
        view = self.view(self.capacity)
        kept = min(points, -(-fresh // self._width))
        return [[s, v] for s, v in zip(view["step"][-kept:], view["value"][-kept:], strict=True)]


def _joined(values: np.ndarray) -> np.ndarray:
    """Return the rows of buckets, given their steps and values (2, buckets, width)."""
    return np.stack([values[0, :, -1], values[1, :, -1], *_bounds(values[1], values[1])])


def _bounds(lows: np.ndarray, highs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest of each bucket; what is no number counts only where nothing else is."""
    return np.fmin.reduce(lows, axis=1), np.fmax.reduce(highs, axis=1)
