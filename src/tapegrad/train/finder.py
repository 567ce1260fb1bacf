"""Which learning rate to begin with: the range test."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DataError
from .checks import set_rates, unchanged

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["RateCurve", "find_lr"]

_DIVERGED = 4.0
_LEAST_FALL = 0.02


@dataclasses.dataclass
class RateCurve:
    """The rates that were tried, the smoothed loss at each, and the rate to begin with, if the loss ever fell."""

    rates: list[float]
    losses: list[float]
    suggestion: float | None


def find_lr(
    trainer: Trainer,
    train: Iterable,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
) -> RateCurve:
    """Train ``steps`` updates with a rate that grows exponentially from ``low`` to ``high``, then undo them all.

    The loss is smoothed by a bias-corrected moving average with weight ``smoothing``. The test ends early when the
    loss is four times its lowest, or no longer finite. Suggested is the rate where it fell fastest over the logarithm
    of the rate, before its lowest point; None when it fell by less than 2 % of the first loss.
    Parameter groups keep the proportions of their rates; the scheduler is not stepped.
    Raises ArgumentError for a range that is none, DataError when there is no data.
    Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks" (2015), https://arxiv.org/abs/1506.01186

    >>> import tapegrad as tg
    >>> from tapegrad.train import Trainer
    >>> x = tg.linspace(-1, 1, 8).reshape(8, 1)
    >>> model = tg.nn.Linear(1, 1)
    >>> trainer = Trainer(model, tg.nn.MSELoss(), tg.optim.SGD(model.parameters(), lr=0.1))
    >>> found = find_lr(trainer, [(x, 3 * x)])
    >>> 0.01 < found.suggestion < 2
    True
    """
    if not 0 < low < high or not math.isfinite(high):
        raise ArgumentError("find_lr", f"the range is from {low:g} to {high:g}", "use 0 < low < high")
    if steps < 2:
        raise ArgumentError("find_lr", f"steps is {steps}", "use at least 2")
    if not 0 <= smoothing < 1:
        raise ArgumentError("find_lr", f"smoothing is {smoothing:g}", "use a number from 0 to below 1")
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    with unchanged(trainer, train):
        optimizer = trainer.optimizer
        proportions = [float(group["lr"]) / (trainer.rate or 1.0) for group in optimizer.param_groups]
        trainer.model.train()
        for step, batch in zip(range(steps), _endless(train), strict=False):
            rate = low * (high / low) ** (step / (steps - 1))
            set_rates(optimizer, [rate * p for p in proportions])
            try:
                loss = trainer._update([batch])["loss"]
            except DataError:
                break
            mean = smoothing * mean + (1 - smoothing) * loss
            rates.append(rate)
            losses.append(mean / (1 - smoothing ** (step + 1)))
            if losses[-1] > _DIVERGED * min(losses) and len(losses) > 1:
                break
    return RateCurve(rates, losses, _steepest(rates, losses))


def _endless(loader: Iterable) -> Iterator[Any]:
    """Give a loader's batches over and over."""
    while True:
        found = False
        for batch in loader:
            found = True
            yield batch
        if not found:
            raise DataError("find_lr", "the loader gave no batch", "give it data, or set drop_last=False")


def _steepest(rates: list[float], losses: list[float]) -> float | None:
    """Return the rate at which the loss falls fastest over the rate's logarithm, before its lowest point."""
    if len(losses) < 2:
        return None
    end = int(np.argmin(losses)) + 1
    if losses[0] - losses[end - 1] < _LEAST_FALL * abs(losses[0]):
        return None
    slopes = np.gradient(np.asarray(losses[:end]), np.log(rates[:end]))
    return rates[int(slopes.argmin())]
