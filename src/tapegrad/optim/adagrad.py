"""Adagrad: each weight has its own rate, which falls with all the gradient that it has seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import ops, wrap
from .arithmetic import check_not_negative, check_rate, scalar
from .optimizer import Optimizer

__all__ = ["Adagrad"]


def adagrad(p: Any, g: Any, s: Any, t: Any, *, lr: Any, lr_decay: float, eps: float) -> None:
    """s = s + g²;  w = w - γ / (1 + (t - 1) η) · g / (√s + ε)."""
    s += g * g
    root = ops.sqrt(s)
    root += eps
    p -= lr / (1 + (t - 1) * lr_decay) * g / root


class Adagrad(Optimizer):
    """s = s + g²;  w = w - γ_t g / (√s + ε), with γ_t = γ / (1 + (t - 1) η) in step t.

    γ: ``lr``; η: ``lr_decay``; s begins at ``initial_accumulator_value``; ``weight_decay`` λ adds λ w to g.
    Raises ArgumentError for numbers below zero.
    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011); https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -2.0]))
    >>> optimizer = tg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.9000, -1.9000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_rate("Adagrad", lr)
        check_not_negative("Adagrad", lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        check_not_negative("Adagrad", initial_accumulator_value=initial_accumulator_value)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        # As in PyTorch, the state is there before the first step.
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = self._start(p, group)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "sum": wrap(np.full_like(p.array, group["initial_accumulator_value"]))}

    def share_memory(self) -> None:
        """Do nothing: forked workers see the memory already."""

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        adagrad(p, g, state["sum"], state["step"], lr=group["lr"], lr_decay=group["lr_decay"], eps=group["eps"])
