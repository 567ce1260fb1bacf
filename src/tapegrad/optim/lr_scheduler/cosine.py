"""Schedules along a cosine."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


def _cosine(low: Any, high: Any, share: float) -> Any:
    """Return the value at a share of the way from high to low."""
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2


class CosineAnnealingLR(LRScheduler):
    """γₜ = η + (γ₀ - η) (1 + cos(π t / T)) / 2, T = ``T_max``, η = ``eta_min``; beyond T it rises again.

    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2016),
    https://arxiv.org/abs/1608.03983;
    https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(scheduler.get_last_lr()[0], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.8536, 0.5, 0.1464, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates, as changes of those before, so that schedules can be chained."""
        t, T = self.last_epoch, self.T_max
        groups = self.optimizer.param_groups
        if self._is_initial:
            return [group["lr"] for group in groups]
        if (t - 1 - T) % (2 * T) == 0:
            # At its lowest the rate says no more how high it was.
            rise = (1 - math.cos(math.pi / T)) / 2
            return [g["lr"] + (base - self.eta_min) * rise for base, g in zip(self.base_lrs, groups, strict=True)]
        change = (1 + math.cos(math.pi * t / T)) / (1 + math.cos(math.pi * (t - 1) / T))
        return [self.eta_min + (group["lr"] - self.eta_min) * change for group in groups]

    def _get_closed_form_lr(self) -> list[Any]:
        return [_cosine(self.eta_min, base, self.last_epoch / self.T_max) for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """γₜ = η + (γ₀ - η) (1 + cos(π u / Tᵢ)) / 2, u = epochs since the last restart; Tᵢ₊₁ = Tᵢ · ``T_mult``.

    η = ``eta_min``. ``step(epoch)`` takes fractions of an epoch too. Raises ArgumentError unless ``T_0`` and ``T_mult``
    are integers from 1.
    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2016),
    https://arxiv.org/abs/1608.03983
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ArgumentError("CosineAnnealingWarmRestarts", f"{name} is {value}", "use an integer from 1")
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self._find_cycle(max(last_epoch, 0))
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        return [_cosine(self.eta_min, base, self.T_cur / self.T_i) for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the one that is given, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            self._find_cycle(epoch)
        self._check_order()
        self._step_count += 1
        self.last_epoch = math.floor(epoch)
        self._set_rates(self._rates("get_lr"))

    def _find_cycle(self, epoch: float) -> None:
        if epoch < 0:
            raise ArgumentError("CosineAnnealingWarmRestarts", f"epoch is {epoch}", "use 0 or more")
        begin, length = 0, self.T_0
        if self.T_mult == 1:
            begin = epoch // length * length
        while epoch >= begin + length:
            begin += length
            length *= self.T_mult
        self.T_cur = epoch - begin
        self.T_i = length
