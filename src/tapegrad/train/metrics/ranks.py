"""The area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import Tensor
from .base import Metric, check_labels, unfit

__all__ = ["AUROC"]


class AUROC(Metric):
    """The area under the ROC curve: how likely a sample of the class scores above one that is not; ties count half.

    Two classes: the score is the single output, or the second less the first. More: each class against the rest by
    its probability, the mean over the classes that have both. Outputs that are no probabilities go through softmax.
    nan while there is no class with both. Source: T. Fawcett, "An introduction to ROC analysis" (2006).

    >>> import tapegrad as tg
    >>> auroc = AUROC()
    >>> auroc.update(tg.tensor([0.1, 0.4, 0.35, 0.8]), tg.tensor([0, 0, 1, 1]))
    >>> auroc.compute()
    0.75
    """

    state_names = ("scores", "targets")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def update(self, output: Tensor, target: Tensor) -> None:
        scores, wanted = output.array, target.array
        width = scores.shape[1] if scores.ndim == 2 else 1
        if scores.ndim not in (1, 2) or wanted.size != len(scores):
            raise unfit("auroc", scores, wanted)
        labels = wanted.reshape(-1).astype(np.int64)
        check_labels("auroc", labels, max(width, 2))
        self._parts.append((scores.reshape(len(labels), width).copy(), labels))

    def state(self) -> dict[str, Any]:
        self._join()
        return dict(zip(self.state_names, self._parts[0], strict=True)) if self._parts else {}

    def load(self, state: Mapping[str, Any]) -> None:
        self._parts = [(state["scores"], state["targets"])] if state else []

    def _join(self) -> None:
        if len(self._parts) > 1:
            scores, targets = zip(*self._parts, strict=True)
            self._parts = [(np.concatenate(scores), np.concatenate(targets))]

    def compute(self) -> float:
        if not self._parts:
            return math.nan
        self._join()
        scores, targets = self._parts[0]
        if scores.shape[1] == 1:
            return _area(scores[:, 0], targets == 1)
        if scores.shape[1] == 2:
            return _area(scores[:, 1].astype(np.float64) - scores[:, 0], targets == 1)
        probabilities = _probabilities(scores.astype(np.float64))
        areas = [_area(column, targets == c) for c, column in enumerate(probabilities.T)]
        known = [area for area in areas if not math.isnan(area)]
        return sum(known) / len(known) if known else math.nan


def _area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the Mann-Whitney statistic: the mean rank of the positive samples, equal scores sharing theirs."""
    count = int(positive.sum())
    others = len(scores) - count
    if count == 0 or others == 0 or np.isnan(scores).any():
        return math.nan
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[place]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-4):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
