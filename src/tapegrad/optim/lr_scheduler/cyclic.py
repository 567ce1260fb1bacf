"""Schedules that go up and down: CyclicLR and OneCycleLR, with the momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError, did_you_mean
from ..optimizer import Optimizer
from .base import LRScheduler, for_each_group, set_value

__all__ = ["CyclicLR", "OneCycleLR"]


def _momentum_name(who: str, optimizer: Optimizer) -> str:
    for name in ("momentum", "betas"):
        if name in optimizer.defaults:
            return name
    raise ArgumentError(
        who,
        f"{type(optimizer).__name__} has neither momentum nor betas to cycle",
        "pass cycle_momentum=False, or use SGD with momentum or Adam",
    )


def _set_momentum(group: dict[str, Any], value: Any) -> None:
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class CyclicLR(LRScheduler):
    """γₜ = base + (max - base) · h · s: h rises from 0 to 1 in ``step_size_up`` steps and falls in ``step_size_down``.

    s, by ``mode``: ``triangular`` 1, ``triangular2`` 1 / 2^(cycle - 1), ``exp_range`` gammaᵗ; or ``scale_fn`` of the cycle or
    of the step, as ``scale_mode`` says. With ``cycle_momentum`` the momentum (or β₁) falls from ``max_momentum`` while
    the rate rises. Step it after every update.
    Raises ArgumentError for an unknown mode, and when there is no momentum to cycle.
    Source: L. Smith, "Cyclical learning rates for training neural networks" (2015), https://arxiv.org/abs/1506.01186
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ):
        modes = ("triangular", "triangular2", "exp_range")
        if mode not in modes and scale_fn is None:
            raise ArgumentError("CyclicLR", f"there is no mode '{mode}'", did_you_mean(str(mode), modes))
        base_lrs = for_each_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = for_each_group("CyclicLR", "max_lr", max_lr, optimizer)
        down = float(step_size_up if step_size_down is None else step_size_down)
        self.total_size = float(step_size_up) + down
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = "iterations" if mode == "exp_range" and scale_fn is None else scale_mode
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = cycle_momentum and "betas" in optimizer.defaults
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                set_value(group, "lr", rate)
        if cycle_momentum:
            _momentum_name("CyclicLR", optimizer)
            self.base_momentums = for_each_group("CyclicLR", "base_momentum", base_momentum, optimizer)
            self.max_momentums = for_each_group("CyclicLR", "max_momentum", max_momentum, optimizer)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the factor s of a cycle or a step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[Any]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            pairs = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in pairs:
                _set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return all but the optimizer and a scale function of one's own."""
        return {**super().state_dict(), "_scale_fn_custom": None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; a scale function of one's own stays."""
        super().load_state_dict({**state_dict, "_scale_fn_custom": self._scale_fn_custom})


def _anneal_cosine(start: Any, end: Any, share: float) -> Any:
    return end + (start - end) / 2.0 * (1 + math.cos(math.pi * share))


def _anneal_linear(start: Any, end: Any, share: float) -> Any:
    return (end - start) * share + start


_ANNEAL = {"cos": _anneal_cosine, "linear": _anneal_linear}


class OneCycleLR(LRScheduler):
    """Up from max / ``div_factor`` to ``max_lr`` in the first ``pct_start`` of all steps, then down to nearly nothing.

    The lowest rate is max / (``div_factor`` · ``final_div_factor``). Between two points the rate follows half a cosine,
    or a line (``anneal_strategy``). ``three_phase`` comes down to the first rate as fast as it rose, then goes on to
    the lowest. With ``cycle_momentum`` the momentum (or β₁) goes the other way. Step it after every update.
    Raises ArgumentError when the number of steps is not given, and when it is exceeded.
    Source: L. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning rates"
    (2017), https://arxiv.org/abs/1708.07120

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=4, pct_start=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.04, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ArgumentError("OneCycleLR", f"pct_start is {pct_start!r}", "use a float from 0.0 to 1.0")
        if anneal_strategy not in _ANNEAL:
            raise ArgumentError(
                "OneCycleLR", f"there is no strategy '{anneal_strategy}'", did_you_mean(str(anneal_strategy), _ANNEAL)
            )
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = cycle_momentum and "betas" in optimizer.defaults
        rates = for_each_group("OneCycleLR", "max_lr", max_lr, optimizer)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                first = rate / div_factor
                group.update(initial_lr=first, max_lr=rate, min_lr=first / final_div_factor)
        if cycle_momentum:
            _momentum_name("OneCycleLR", optimizer)
            lows = for_each_group("OneCycleLR", "base_momentum", base_momentum, optimizer)
            highs = for_each_group("OneCycleLR", "max_momentum", max_momentum, optimizer)
            if last_epoch == -1:
                for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                    group.update(base_momentum=low, max_momentum=high)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        t = self.last_epoch
        if t > self.total_steps:
            raise ArgumentError(
                "OneCycleLR", f"step {t} of {self.total_steps} total steps", "make total_steps the number of updates"
            )
        begin = 0.0
        phases = self._schedule_phases
        for phase in phases[:-1]:
            if t <= phase["end_step"]:
                break
            begin = phase["end_step"]
        else:
            phase = phases[-1]
        share = (t - begin) / (phase["end_step"] - begin)
        anneal = _ANNEAL[self._anneal_func_type]
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                _set_momentum(group, anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], share))
        return [anneal(group[phase["start_lr"]], group[phase["end_lr"]], share) for group in groups]


def _total_steps(total: int | None, epochs: int | None, per_epoch: int | None) -> int:
    given = {"total_steps": total} if total is not None else {"epochs": epochs, "steps_per_epoch": per_epoch}
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ArgumentError(
                "OneCycleLR",
                f"{name} is {value}",
                "give total_steps, or epochs and steps_per_epoch, as positive integers",
            )
    return math.prod(v for v in given.values() if v is not None)


def _phases(total: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    def phase(end: float, lrs: tuple[str, str], momenta: tuple[str, str]) -> dict[str, Any]:
        return {
            "end_step": end,
            "start_lr": lrs[0],
            "end_lr": lrs[1],
            "start_momentum": momenta[0],
            "end_momentum": momenta[1],
        }

    low, high = "base_momentum", "max_momentum"
    up = phase(pct_start * total - 1, ("initial_lr", "max_lr"), (high, low))
    if not three_phase:
        return [up, phase(total - 1, ("max_lr", "min_lr"), (low, high))]
    down = phase(2 * pct_start * total - 2, ("max_lr", "initial_lr"), (low, high))
    return [up, down, phase(total - 1, ("initial_lr", "min_lr"), (high, high))]
