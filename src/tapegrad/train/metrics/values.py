"""Metrics of predicted values."""

from __future__ import annotations

import math

import numpy as np

from ...core import Tensor
from .base import Metric, Share, unfit

__all__ = ["MAE", "MSE", "R2", "ScaledAccuracy"]


class ScaledAccuracy(Share):
    """The share of outputs that give the target's whole number: round(output · scale) = round(target · scale).

    For classes that are learned as numbers, class / 10 with ``scale=10``.
    """

    def __init__(self, scale: float = 10.0):
        super().__init__()
        self.scale = scale

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted = _values("scaled_accuracy", output, target)
        same = np.rint(predicted * self.scale) == np.rint(wanted * self.scale)
        self.total += int(np.count_nonzero(same))
        self.count += wanted.size


class MSE(Share):
    """The mean of (output - target)² over all values."""

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted = _values("mse", output, target)
        difference = (predicted - wanted).ravel()
        self.total += float(difference @ difference)
        self.count += difference.size


class MAE(Share):
    """The mean of |output - target| over all values."""

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted = _values("mae", output, target)
        self.total += float(np.abs(predicted - wanted).sum())
        self.count += wanted.size


class R2(Metric):
    """1 - Σ(output - target)² / Σ(target - mean)², the mean over the columns of the target.

    A target that is constant gives 1 when it is hit exactly and 0 when not, as in scikit-learn. Means and squares of
    the batches are merged in float64 by the formula of Chan, Golub and LeVeque (1979), which does not cancel.

    >>> import tapegrad as tg
    >>> r2 = R2()
    >>> r2.update(tg.tensor([2.5, 0.0, 2.0, 8.0]), tg.tensor([3.0, -0.5, 2.0, 7.0]))
    >>> round(r2.compute(), 4)
    0.9486
    """

    state_names = ("count", "mean", "spread", "errors")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.count = 0
        self.mean = self.spread = self.errors = np.zeros(1)

    def update(self, output: Tensor, target: Tensor) -> None:
        predicted, wanted = _values("r2", output, target)
        size = len(wanted)
        predicted, wanted = predicted.reshape(size, -1), wanted.reshape(size, -1)
        mean = wanted.mean(axis=0)
        shift, total = mean - self.mean, self.count + size
        self.spread = self.spread + ((wanted - mean) ** 2).sum(axis=0) + shift**2 * (self.count * size / total)
        self.errors = self.errors + ((predicted - wanted) ** 2).sum(axis=0)
        self.mean = self.mean + shift * (size / total)
        self.count = total

    def compute(self) -> float:
        if self.count == 0:
            return math.nan
        constant = self.spread == 0
        explained = 1 - self.errors / np.where(constant, 1.0, self.spread)
        return float(np.where(constant, np.where(self.errors == 0, 1.0, 0.0), explained).mean())


def _values(who: str, output: Tensor, target: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return both in float64 and one shape; a column and a row of the same length are the same values."""
    predicted, wanted = output.array, target.array
    if predicted.size != wanted.size or len(predicted) != len(wanted):
        raise unfit(who, predicted, wanted)
    return predicted.astype(np.float64).reshape(wanted.shape), wanted.astype(np.float64)
