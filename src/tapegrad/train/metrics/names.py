"""Metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...errors import ArgumentError, did_you_mean
from .base import Mean, Metric
from .classes import F1, Accuracy, ConfusionMatrix, Precision, Recall, TopK
from .ranks import AUROC
from .values import MAE, MSE, R2, ScaledAccuracy

__all__ = ["METRICS", "metrics_of"]

METRICS: dict[str, Callable[..., Metric]] = {
    "accuracy": Accuracy,
    "auroc": AUROC,
    "confusion_matrix": ConfusionMatrix,
    "f1": F1,
    "mae": MAE,
    "mse": MSE,
    "precision": Precision,
    "r2": R2,
    "recall": Recall,
    "scaled_accuracy": ScaledAccuracy,
    "top_k": TopK,
}


def metrics_of(chosen: Mapping[str, Any] | Iterable[str]) -> dict[str, Metric]:
    """Return metrics by name, from names or from a mapping to metrics, classes of metrics and plain functions.

    Raises ArgumentError, with the nearest name, for a name that is not known.

    >>> [type(metric).__name__ for metric in metrics_of(["accuracy", "f1"]).values()]
    ['Accuracy', 'F1']
    """
    if isinstance(chosen, Mapping):
        return {name: _metric(value) for name, value in chosen.items()}
    return {name: _known(name)() for name in ([chosen] if isinstance(chosen, str) else chosen)}


def _metric(value: Any) -> Metric:
    if isinstance(value, type):
        value = value()
    return value if isinstance(value, Metric) else Mean(value)


def _known(name: str) -> Callable[..., Metric]:
    if name not in METRICS:
        raise ArgumentError("metrics", f"there is no metric '{name}'", did_you_mean(name, METRICS))
    return METRICS[name]
