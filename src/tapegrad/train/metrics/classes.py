"""Metrics of predicted classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core import Tensor
from ...errors import ArgumentError, did_you_mean
from .base import Metric, Share, check_labels, unfit

__all__ = ["F1", "Accuracy", "ConfusionMatrix", "Precision", "Recall", "TopK"]


class Accuracy(Share):
    """The share of targets that are predicted: class of the largest output, or 1 where a single output > threshold.

    >>> import tapegrad as tg
    >>> accuracy = Accuracy()
    >>> accuracy.update(tg.tensor([[2.0, 1.0], [0.0, 3.0]]), tg.tensor([0, 0]))
    >>> accuracy.compute()
    0.5
    """

    def __init__(self, threshold: float = 0.0):
        super().__init__()
        self.threshold = threshold

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted, _ = _classes("accuracy", output, target, self.threshold)
        self.total += int(np.count_nonzero(predicted == wanted))
        self.count += wanted.size


class TopK(Share):
    """The share of samples whose class is among the ``k`` largest outputs; of equal outputs the first ranks first.

    >>> import tapegrad as tg
    >>> top = TopK(k=2)
    >>> top.update(tg.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), tg.tensor([1, 2]))
    >>> top.compute()
    0.5
    """

    def __init__(self, k: int = 5):
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ArgumentError("top_k", f"k is {k!r}", "use a positive integer")
        super().__init__()
        self.k = k

    def update(self, output: Tensor, target: Tensor) -> None:
        scores, wanted = output.array, target.array
        if scores.ndim != 2 or wanted.shape != scores.shape[:1]:
            raise unfit("top_k", scores, wanted)
        check_labels("top_k", wanted, scores.shape[1])
        own = scores[np.arange(len(wanted)), wanted][:, None]
        # Written so that whoever is not a number ranks before, and is not found itself.
        ahead = ~(scores <= own) | ((scores == own) & (np.arange(scores.shape[1]) < wanted[:, None]))
        self.total += int(np.count_nonzero(ahead.sum(axis=1) < self.k))
        self.count += len(wanted)


class ConfusionMatrix(Metric):
    """How often each class (row) was taken for each class (column), as a list of rows.

    >>> import tapegrad as tg
    >>> matrix = ConfusionMatrix()
    >>> matrix.update(tg.tensor([[2.0, 1.0], [0.0, 3.0]]), tg.tensor([0, 0]))
    >>> matrix.compute()
    [[1, 1], [0, 0]]
    """

    state_names = ("counts",)

    def __init__(self, threshold: float = 0.0):
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        self.counts = np.zeros((0, 0), np.int64)

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted, classes = _classes("confusion_matrix", output, target, self.threshold)
        check_labels("confusion_matrix", wanted, classes)
        pairs = wanted.ravel() * classes + predicted.ravel()
        counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
        self.counts = counts if self.counts.size == 0 else self.counts + counts

    def compute(self) -> list[list[int]]:
        return self.counts.tolist()


class _ByClass(Metric):
    """A ratio for each class, averaged: hits, predictions and targets are counted by class.

    ``macro``: the mean over the classes that occur in predictions or targets; ``weighted``: the same, weighted by the
    number of targets; ``micro``: the ratio of the sums; ``binary``: that of class 1. A ratio with nothing below the
    line is 0, as in scikit-learn. Raises ArgumentError for another average.
    """

    state_names = ("hits", "predicted", "wanted")
    name = ""

    def __init__(self, average: str = "macro", threshold: float = 0.0):
        known = ("macro", "micro", "weighted", "binary")
        if average not in known:
            raise ArgumentError(self.name, f"average is {average!r}", did_you_mean(str(average), known))
        self.average = average
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        self.hits = self.predicted = self.wanted = np.zeros(0, np.int64)

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted, classes = _classes(self.name, output, target, self.threshold)
        check_labels(self.name, wanted, classes)
        if self.average == "binary" and classes != 2:
            raise ArgumentError(self.name, f"average is 'binary' with {classes} classes", "use average='macro'")
        predicted, wanted = predicted.ravel(), wanted.ravel()
        found = [np.bincount(c, minlength=classes) for c in (wanted[predicted == wanted], predicted, wanted)]
        if self.hits.size:
            found = [a + b for a, b in zip((self.hits, self.predicted, self.wanted), found, strict=True)]
        self.hits, self.predicted, self.wanted = found

    def compute(self) -> float:
        if not self.wanted.any():
            return math.nan
        hits, predicted, wanted = (np.asarray(c, np.float64) for c in (self.hits, self.predicted, self.wanted))
        if self.average == "micro":
            return float(self._ratio(hits.sum(), predicted.sum(), wanted.sum()))
        ratios = self._ratio(hits, predicted, wanted)
        if self.average == "binary":
            return float(ratios[1])
        if self.average == "weighted":
            return float((ratios * wanted).sum() / wanted.sum())
        return float(ratios[predicted + wanted > 0].mean())

    def _ratio(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        raise NotImplementedError


class Precision(_ByClass):
    """hits / predictions of a class, averaged over the classes (``macro``, ``micro``, ``weighted`` or ``binary``)."""

    name = "precision"

    def _ratio(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return hits / np.maximum(predicted, 1)


class Recall(_ByClass):
    """hits / targets of a class, averaged over the classes (``macro``, ``micro``, ``weighted`` or ``binary``)."""

    name = "recall"

    def _ratio(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return hits / np.maximum(wanted, 1)


class F1(_ByClass):
    """2 · hits / (predictions + targets) of a class, averaged (``macro``, ``micro``, ``weighted`` or ``binary``).

    >>> import tapegrad as tg
    >>> f1 = F1(average="binary")
    >>> f1.update(tg.tensor([1.0, 1.0, -1.0]), tg.tensor([1, 0, 0]))
    >>> round(f1.compute(), 4)
    0.6667
    """

    name = "f1"

    def _ratio(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return 2 * hits / np.maximum(predicted + wanted, 1)


def _classes(who: str, output: Tensor, target: Tensor, threshold: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the classes predicted, the classes wanted, and how many classes there are.

    Targets in the shape of several outputs are probabilities: their largest is the class.
    """
    scores, wanted = output.array, target.array
    if scores.ndim < 2 or scores.shape[1] == 1:
        if scores.size != wanted.size:
            raise unfit(who, scores, wanted)
        return (scores > threshold).reshape(-1).astype(np.int64), wanted.reshape(-1).astype(np.int64), 2
    if wanted.shape == scores.shape and wanted.dtype.kind == "f":
        wanted = wanted.argmax(axis=1)
    predicted = scores.argmax(axis=1)
    if predicted.shape != wanted.shape:
        raise unfit(who, scores, wanted)
    return predicted, wanted, scores.shape[1]
