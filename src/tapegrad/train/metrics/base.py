"""What a metric is, the one of a plain function, and the errors that they share."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ...core import Tensor
from ...errors import ArgumentError, IndexRangeError, ShapeError

__all__ = ["Mean", "Metric", "Share", "check_labels", "unfit"]

Self = TypeVar("Self", bound="Metric")


class Metric:
    """Counts what a batch adds; its value is that of all batches since ``reset`` taken together.

    ``state_names`` are the attributes that hold the counts, numbers or arrays. Subclasses write ``reset``, ``update``
    and ``compute``.
    """

    state_names: tuple[str, ...] = ()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(self, output: Tensor, target: Tensor) -> None:
        """Count one batch."""
        raise NotImplementedError

    def compute(self) -> Any:
        """Return the value over all batches counted; nan before the first one."""
        raise NotImplementedError

    def fresh(self: Self) -> Self:
        """Return a metric with the same settings that has counted nothing."""
        other = copy.copy(self)
        other.reset()
        return other

    def state(self) -> dict[str, Any]:
        """Return the counts: numbers and arrays by name."""
        return {name: getattr(self, name) for name in self.state_names}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from counts that :meth:`state` returned. Raises KeyError when one is missing."""
        for name in self.state_names:
            setattr(self, name, state[name])


class Share(Metric):
    """``total`` over ``count``."""

    state_names = ("total", "count")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.total: float = 0
        self.count = 0

    def compute(self) -> float:
        return self.total / self.count if self.count else math.nan


class Mean(Share):
    """The mean over samples of a function of (output, target) that returns a batch's mean.

    >>> import tapegrad as tg
    >>> largest = Mean(lambda output, target: float((output - target).abs().max()))
    >>> largest.update(tg.tensor([1.0, 4.0]), tg.tensor([1.0, 2.0]))
    >>> largest.compute()
    2.0
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Any]):
        super().__init__()
        self.function = function

    def update(self, output: Tensor, target: Tensor) -> None:
        size = len(target)
        self.total += float(self.function(output, target)) * size
        self.count += size


def check_labels(who: str, labels: np.ndarray, classes: int) -> None:
    """Raise ArgumentError for labels that are no integers, IndexRangeError for one that is no class."""
    if labels.dtype.kind not in "iu":
        raise ArgumentError(who, f"the targets are {labels.dtype}", "give classes as integers")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise IndexRangeError(who, f"a target is {wrong} with {classes} classes", "number the classes from 0")


def unfit(who: str, output: np.ndarray, target: np.ndarray) -> ShapeError:
    """Return the error for an output and a target that a metric cannot compare."""
    return ShapeError(
        who, f"an output of shape {output.shape} and a target of shape {target.shape} do not fit", "use another metric"
    )
