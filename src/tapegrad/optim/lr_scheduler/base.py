"""LRScheduler: where a schedule is, and how it sets the rates of an optimizer's groups."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ...core import STATE, Tensor, no_grad
from ...errors import ArgumentError, MissingMethodError, NamingError, UsageError, warn
from ..optimizer import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """The base class of all schedules of the learning rate γ.

    A subclass writes ``get_lr()``: the rates of the groups at ``last_epoch``, t in the formulas, counted from 0.
    ``step()`` goes one further: after each epoch (or each update, where the schedule says so), after
    ``optimizer.step()``. ``last_epoch`` other than -1 goes on with an optimizer whose groups have ``initial_lr``.
    Source: https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
    """

    # Whether the schedule is being made, and whether get_lr() is called by step(): subclasses of one's own ask for them.
    _is_initial = False
    _get_lr_called_within_step = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _postponed_in_traces(cls.step)  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise UsageError(
                type(self).__name__, f"a {type(optimizer).__name__} is not an Optimizer", "pass the optimizer"
            )
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _plain(group["lr"]))
            elif "initial_lr" not in group:
                raise NamingError(
                    type(self).__name__,
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer",
                    "load the optimizer's state first, or leave last_epoch at -1",
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._first_step()

    def _first_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Any]:
        """Return the rates of the groups at ``last_epoch``, given that they stood at the one before."""
        raise MissingMethodError(type(self).__name__, "has no get_lr method", "write it in the class")

    def get_last_lr(self) -> list[Any]:
        """Return the rates that were set last, one for each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to the one that is given, and set the rates."""
        self._check_order()
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            rates = self._rates("get_lr")
        else:
            self.last_epoch = epoch
            rates = self._rates("_get_closed_form_lr" if hasattr(self, "_get_closed_form_lr") else "get_lr")
        self._set_rates(rates)

    def _rates(self, method: str) -> list[Any]:
        self._get_lr_called_within_step = True
        try:
            return getattr(self, method)()
        finally:
            self._get_lr_called_within_step = False

    def _set_rates(self, rates: Sequence[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", rate)
        self._last_lr = [_plain(group["lr"]) for group in self.optimizer.param_groups]

    def _check_order(self) -> None:
        if self._step_count == 1 and not self.optimizer._opt_called:
            warn(
                type(self).__name__,
                "lr_scheduler.step() was called before optimizer.step(), which skips the first rate of the schedule",
                "call optimizer.step() first",
            )

    def state_dict(self) -> dict[str, Any]:
        """Return all but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        self.__dict__.update(state_dict)


def _postponed_in_traces(step: Callable) -> Callable:
    """Return a step that, while a trace is running, may be left to be called each time the program runs."""

    @functools.wraps(step)
    def postponed(self: LRScheduler, *args: Any, **kwargs: Any) -> Any:
        if STATE.tracer is not None and STATE.tracer.postpones(functools.partial(step, self, *args, **kwargs), args):
            return None
        return step(self, *args, **kwargs)

    return postponed


LRScheduler.step = _postponed_in_traces(LRScheduler.step)  # type: ignore[method-assign]


def _plain(rate: Any) -> Any:
    """Return a copy of a rate that later steps do not change."""
    return rate.detach().clone() if isinstance(rate, Tensor) else rate


@no_grad()
def set_value(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option of a group; a tensor is written into, so that whoever holds it sees the change."""
    held = group[name]
    if isinstance(held, Tensor):
        held.array[...] = value.array if isinstance(value, Tensor) else value
        held.memory.wrote()
    else:
        group[name] = value


def for_each_group(who: str, name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """Return one value for each group, from one for all or a list.

    Raises ArgumentError for a list of another length.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(who, f"{name} has {len(value)} values for {count} parameter groups", "give one for each")
    return list(value)
