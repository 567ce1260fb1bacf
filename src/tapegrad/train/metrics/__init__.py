"""Metrics that are counted batch by batch and exact over the epoch."""

from .base import Mean, Metric
from .classes import F1, Accuracy, ConfusionMatrix, Precision, Recall, TopK
from .direction import best_is_smallest, is_better
from .names import METRICS, metrics_of
from .ranks import AUROC
from .values import MAE, MSE, R2, ScaledAccuracy

__all__ = [
    "AUROC",
    "F1",
    "MAE",
    "METRICS",
    "MSE",
    "R2",
    "Accuracy",
    "ConfusionMatrix",
    "Mean",
    "Metric",
    "Precision",
    "Recall",
    "ScaledAccuracy",
    "TopK",
    "best_is_smallest",
    "is_better",
    "metrics_of",
]
