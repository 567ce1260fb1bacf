"""Reports of a hand-written loop: what it measured on other data between updates."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Records", "right_share"]

# Rows of training data that are remembered, to tell validation from another look at the same.
_MOST_ROWS = 20_000
# Numbers in them.
_MOST_NUMBERS = 20_000_000
# A batch of which that many rows were trained on is a look at the training data.
_SEEN = 0.95


class Records:
    """Adds up the losses of training and of evaluation, and gives a report when training goes on after an evaluation."""

    def __init__(self) -> None:
        self.reports: list[dict[str, float]] = []
        # What was evaluated and not trained on.
        self.data: list[tuple[np.ndarray, np.ndarray]] = []
        self._rows: set[int] = set()
        self._known = True
        # The data set whose batches come now, the one that is learned from, and whether all of that one has come.
        self._coming: Any = None
        self._learned: Any = None
        self._complete = False
        self._train: list[tuple[int, float, float | None]] = []
        self._valid: list[tuple[int, float, float | None]] = []
        self._again: list[tuple[int, float, float | None]] = []

    def begins(self, dataset: Any) -> None:
        """A loader begins to go through a data set."""
        self._complete = self._complete or (dataset is not None and dataset is self._learned)
        self._coming = dataset

    def learned_from(self, inputs: Any) -> list[int]:
        """Remember the rows of a training batch, and return which are samples that did not come before."""
        if not self._known or not isinstance(inputs, np.ndarray) or inputs.ndim < 2:
            return []
        rows = _hashes(inputs)
        new = [i for i, row in enumerate(rows) if row not in self._rows]
        if self._learned is None:
            self._learned = self._coming
        # Rows that are changed at random, or computed anew with other rounding, look new each time they come.
        if self._learned is None:
            self._complete = self._complete or len(new) <= (1 - _SEEN) * len(rows)
        elif not self._complete:
            new = list(range(len(rows)))
        if self._complete:
            new = []
        self._rows.update(rows)
        # Of rows that change from one epoch to the next, by noise or by turning, the first are enough.
        self._known = len(self._rows) <= _MOST_ROWS and inputs.size * len(self._rows) < _MOST_NUMBERS * len(inputs)
        return new

    def trained(self, size: int, loss: float, right: float | None) -> None:
        """Count a training batch."""
        self._train.append((size, loss, right))

    def evaluated_on(self, inputs: Any, target: np.ndarray, size: int, loss: float, right: float | None) -> None:
        """Count a batch that was only measured."""
        rows = _hashes(inputs) if isinstance(inputs, np.ndarray) and inputs.ndim > 1 else []
        if rows and sum(row in self._rows for row in rows) >= _SEEN * len(rows):
            self._again.append((size, loss, right))
            return
        self._valid.append((size, loss, right))
        if self._known and not self.reports and rows and len(rows) == len(target):
            self.data.append((inputs, target))

    def close(self, step: int) -> None:
        """End a report, if anything was evaluated."""
        if not self._valid and not self._again:
            return
        report: dict[str, float] = {"epoch": len(self.reports) + 1, "step": step}
        for name, entries in (("", self._train), ("valid_", self._valid), ("again_", self._again)):
            report.update({name + key: value for key, value in _means(entries).items()})
        self.reports.append(report)
        self._train, self._valid, self._again = [], [], []

    def finish(self, step: int) -> None:
        """End the last report; a loop that never evaluates gets one of its last tenth."""
        if not self.reports and not self._valid and not self._again and self._train:
            report: dict[str, float] = {"epoch": 1, "step": step}
            self.reports.append(report | _means(self._train[-max(len(self._train) // 10, 5) :]))
        self.close(step)


def right_share(output: np.ndarray, target: np.ndarray) -> float | None:
    """Return the share of right classes, of scores (n, classes) or of one score for yes; None for other targets."""
    if target.dtype.kind in "iu" and output.ndim == 2 and target.shape == output.shape[:1]:
        return float((output.argmax(axis=1) == target).mean())
    return None


def _means(entries: list[tuple[int, float, float | None]]) -> dict[str, float]:
    if not entries:
        return {}
    sizes = [size for size, _, _ in entries]
    found = {"loss": float(np.average([loss for _, loss, _ in entries], weights=sizes))}
    rights = [right for _, _, right in entries]
    if all(right is not None for right in rights):
        found["accuracy"] = float(np.average(rights, weights=sizes))  # type: ignore[arg-type]
    return found


def _hashes(inputs: np.ndarray) -> list[int]:
    return [hash(row.tobytes()) for row in inputs]
