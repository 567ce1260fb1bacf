"""A schedule that waits for the metric to stop getting better."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError, UsageError, did_you_mean
from ..optimizer import Optimizer
from .base import LRScheduler, for_each_group, set_value

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """γ = max(γ · factor, min_lr) when a metric was no better for more than ``patience`` epochs.

    Better is lower (``mode="min"``) or higher (``"max"``) than the best so far by more than ``threshold``: a share of
    the best (``threshold_mode="rel"``), or a difference (``"abs"``). After a change, ``cooldown`` epochs are not counted;
    a change of less than ``eps`` is left out. Call ``step(metric)`` after each validation.
    Raises ArgumentError for a factor from 1 up and for unknown modes.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in [1.0, 0.5, 0.5, 0.5]:
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0,
        eps: float = 1e-8,
    ):
        if not factor < 1.0:
            raise ArgumentError("ReduceLROnPlateau", f"factor is {factor}", "use less than 1")
        for name, value, known in (("mode", mode, ("min", "max")), ("threshold_mode", threshold_mode, ("rel", "abs"))):
            if value not in known:
                raise ArgumentError("ReduceLROnPlateau", f"{name} is '{value}'", did_you_mean(str(value), known))
        if not isinstance(optimizer, Optimizer):
            raise UsageError(
                "ReduceLROnPlateau", f"a {type(optimizer).__name__} is not an Optimizer", "pass the optimizer"
            )
        self.optimizer = optimizer
        self.factor = factor
        self.min_lrs = for_each_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self._last_lr = [group["lr"] for group in optimizer.param_groups]
        self._reset()

    def _reset(self) -> None:
        """Forget the best metric and the epochs that were counted."""
        self.mode_worse = math.inf if self.mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at the moment."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Return whether a metric is better than the best by more than the threshold."""
        if self.threshold_mode == "rel":
            margin = self.threshold if self.mode == "max" else -self.threshold
            bound = best * (1.0 + margin)
        else:
            bound = best + (self.threshold if self.mode == "max" else -self.threshold)
        return a > bound if self.mode == "max" else a < bound

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Count the epoch that gave this metric, and lower the rates when it was one too many."""
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _reduce(self) -> None:
        for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                set_value(group, "lr", new)
