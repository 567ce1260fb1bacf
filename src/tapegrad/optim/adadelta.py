"""Adadelta: steps in the unit of the weights, from running averages of squared gradients and squared steps."""

from __future__ import annotations

from typing import Any

from ..core import ops
from ..errors import ArgumentError
from .arithmetic import check_not_negative, check_rate, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["Adadelta"]


def adadelta(p: Any, g: Any, s: Any, u: Any, *, lr: Any, rho: float, eps: float) -> None:
    """s = ρ s + (1 - ρ) g²;  d = √(u + ε) / √(s + ε) · g;  u = ρ u + (1 - ρ) d²;  w = w - γ d."""
    s *= rho
    s += (1 - rho) * g * g
    step = ops.sqrt(u + eps)
    step /= ops.sqrt(s + eps)
    step *= g
    u *= rho
    u += (1 - rho) * step * step
    p -= lr * step


class Adadelta(Optimizer):
    """s = ρ s + (1 - ρ) g²;  d = √(u + ε) / √(s + ε) · g;  u = ρ u + (1 - ρ) d²;  w = w - γ d.

    γ: ``lr``; ρ: ``rho``; ε: ``eps``; ``weight_decay`` λ adds λ w to g.
    Raises ArgumentError for numbers below zero, and for ρ above 1.
    Source: M. Zeiler, "ADADELTA: an adaptive learning rate method" (2012), https://arxiv.org/abs/1212.5701;
    https://pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_rate("Adadelta", lr)
        check_not_negative("Adadelta", eps=eps, weight_decay=weight_decay)
        if not 0.0 <= rho <= 1.0:
            raise ArgumentError("Adadelta", f"rho is {rho}", "use 0 to 1")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        adadelta(p, g, state["square_avg"], state["acc_delta"], lr=group["lr"], rho=group["rho"], eps=group["eps"])
