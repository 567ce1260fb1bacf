"""Schedules that multiply the rate by a factor from step to step.

Such a schedule says by what the rate changes, not what it is: so schedules can be chained, and a rate that is changed
by hand in between stays changed.
"""

from __future__ import annotations

import math
import types
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler, for_each_group

__all__ = [
    "ConstantLR",
    "ExponentialLR",
    "InverseTimeLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]


class _Factor(LRScheduler):
    """A schedule given by the factor at its beginning, and by the factor of each later step."""

    # A schedule that is made for an optimizer that has steps behind it finds the rate as it should be; PyTorch's
    # schedules with steps (these set False) take the step that falls on the next epoch at once.
    keeps_found_rate = True

    def first(self) -> float:
        """Return γ₀ over the optimizer's own rate."""
        return 1.0

    def change(self, t: int) -> float:
        """Return γₜ / γₜ₋₁, for t from 1."""
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        t = self.last_epoch
        kept = self._is_initial and self.keeps_found_rate
        factor = self.first() if t == 0 else 1.0 if kept else self.change(t)
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self) -> list[Any]:
        factor = self.first() * math.prod(self.change(t) for t in range(1, self.last_epoch + 1))
        return [base * factor for base in self.base_lrs]


class StepLR(_Factor):
    """γₜ = γ₀ · gamma^⌊t / step_size⌋: the rate falls by ``gamma`` every ``step_size`` epochs.

    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    keeps_found_rate = False

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def change(self, t: int) -> float:
        return self.gamma if t % self.step_size == 0 else 1.0


class MultiStepLR(_Factor):
    """γₜ = γ₀ · gamma^(number of milestones up to t).

    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.1)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.1, 0.1, 0.01]
    """

    keeps_found_rate = False

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def change(self, t: int) -> float:
        return self.gamma ** self.milestones.count(t)

    def _get_closed_form_lr(self) -> list[Any]:
        return [base * self.gamma ** bisect_right(self.milestones, self.last_epoch) for base in self.base_lrs]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; PyTorch's, which counts the milestones in a dict, as well."""
        super().load_state_dict(state_dict)
        if isinstance(self.milestones, Mapping):
            self.milestones = sorted(t for t, n in self.milestones.items() for _ in range(n))


class ConstantLR(_Factor):
    """γₜ = γ · factor for the first ``total_iters`` epochs, then γ.

    Raises ArgumentError for a factor outside [0, 1].
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
    """

    keeps_found_rate = False

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 < factor <= 1:
            raise ArgumentError("ConstantLR", f"factor is {factor}", "use more than 0 and at most 1")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def first(self) -> float:
        return self.factor

    def change(self, t: int) -> float:
        return 1.0 / self.factor if t == self.total_iters else 1.0

    def _get_closed_form_lr(self) -> list[Any]:
        factor = self.factor if self.last_epoch < self.total_iters else 1.0
        return [rate * factor for rate in self.base_lrs]


class LinearLR(_Factor):
    """γₜ = γ · (start + (end - start) · min(t, T) / T), T = ``total_iters``: a warm-up.

    Raises ArgumentError for a start outside (0, 1] and an end outside [0, 1].
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1:
            raise ArgumentError("LinearLR", f"start_factor is {start_factor}", "use more than 0 and at most 1")
        if not 0 <= end_factor <= 1:
            raise ArgumentError("LinearLR", f"end_factor is {end_factor}", "use 0 to 1")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def first(self) -> float:
        return self.start_factor

    def change(self, t: int) -> float:
        if t > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)


class ExponentialLR(_Factor):
    """γₜ = γ₀ · gammaᵗ.

    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def change(self, t: int) -> float:
        return self.gamma


class PolynomialLR(_Factor):
    """γₜ = γ₀ · (1 - min(t, T) / T)^power, T = ``total_iters``.

    Raises ArgumentError for a negative power.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        if not power >= 0:
            raise ArgumentError("PolynomialLR", f"power is {power}", "use 0 or more")
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def change(self, t: int) -> float:
        left = self.total_iters - t
        return (left / (left + 1)) ** self.power if left >= 0 else 1.0


class InverseTimeLR(_Factor):
    """γₜ = γ₀ / (1 + decay · t): the inverse time decay of textbooks, mostly stepped after every update.

    Raises ArgumentError for a negative decay. Not in PyTorch.

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.InverseTimeLR(optimizer, decay=0.5)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, decay: float, last_epoch: int = -1):
        if not decay >= 0:
            raise ArgumentError("InverseTimeLR", f"decay is {decay}", "use 0 or more")
        self.decay = decay
        super().__init__(optimizer, last_epoch)

    def change(self, t: int) -> float:
        return (1.0 + self.decay * (t - 1)) / (1.0 + self.decay * t)


# -- factors given by functions -------------------------------------------------------------------------------------------


class _WithFunctions(LRScheduler):
    """A schedule from one function for all groups, or one for each. Its state leaves plain functions out."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1):
        self.lr_lambdas = for_each_group(type(self).__name__, "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return all but the optimizer and plain functions; of callable objects, their fields."""
        plain = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
        fields = [None if isinstance(f, plain) else dict(vars(f)) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": fields}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; plain functions stay as they are."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for f, fields in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if fields is not None:
                vars(f).update(fields)


class LambdaLR(_WithFunctions):
    """γₜ = γ₀ · f(t), f = ``lr_lambda``.

    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t))
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.3333, 0.25]
    """

    def get_lr(self) -> list[Any]:
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_WithFunctions):
    """γₜ = γₜ₋₁ · f(t), f = ``lr_lambda``.

    Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
    """

    def get_lr(self) -> list[Any]:
        groups = self.optimizer.param_groups
        if self._is_initial:
            return [group["lr"] for group in groups]
        return [group["lr"] * f(self.last_epoch) for group, f in zip(groups, self.lr_lambdas, strict=True)]
