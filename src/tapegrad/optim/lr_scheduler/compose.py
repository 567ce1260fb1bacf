"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler, set_value
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


def _check(who: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
    if not schedulers:
        raise ArgumentError(who, "there are no schedulers", "give at least one")
    optimizer = optimizer or schedulers[0].optimizer
    for i, scheduler in enumerate(schedulers):
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ArgumentError(who, f"scheduler {i} is ReduceLROnPlateau, which needs a metric", "step it by itself")
        if scheduler.optimizer is not optimizer:
            raise ArgumentError(who, f"scheduler {i} belongs to another optimizer", "make all of the same optimizer")
    return optimizer


class _Composed(LRScheduler):
    """A schedule that leaves the rates to others."""

    _schedulers: list[LRScheduler]

    def _rewind(self) -> None:
        """Go to before the first epoch: making the schedulers has set the rates already, each in its own way."""
        self.last_epoch = 0
        for group in self.optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        for scheduler in self._schedulers:
            scheduler.last_epoch = -1

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or back to the first with ``epoch=0``."""
        if epoch == 0:
            self._first_step()
        elif epoch is None:
            self.last_epoch += 1
            self._next_step()
        else:
            raise ArgumentError(type(self).__name__, f"cannot jump to epoch {epoch}", "load a state instead")

    def _next_step(self) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return all but the optimizer, with the states of the schedulers."""
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        return {**state, "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, and those of the schedulers."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """One schedule after the other: the i-th begins, at its own epoch 0, at ``milestones[i - 1]``.

    Raises ArgumentError unless there is one milestone fewer than schedulers, all of one optimizer.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ):
        self.optimizer = _check("SequentialLR", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                "SequentialLR",
                f"{len(milestones)} milestones for {len(schedulers)} schedulers",
                f"give {len(schedulers) - 1}",
            )
        if last_epoch != -1:
            raise ArgumentError("SequentialLR", f"last_epoch is {last_epoch}", "load the schedule's state instead")
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self._first_step()

    def _first_step(self) -> None:
        self._rewind()
        self._schedulers[0]._first_step()
        self._last_lr = self._schedulers[0].get_last_lr()

    def _next_step(self) -> None:
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler.step(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """All schedules at each step, each upon the rates that the one before has set.

    Raises ArgumentError unless all belong to one optimizer.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        self.optimizer = _check("ChainedScheduler", schedulers, optimizer)
        self._schedulers = list(schedulers)
        self.last_epoch = 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _first_step(self) -> None:
        self._rewind()
        for scheduler in self._schedulers:
            scheduler._first_step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _next_step(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
