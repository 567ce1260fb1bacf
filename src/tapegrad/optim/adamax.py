"""Adamax: Adam with the largest gradient, slowly forgotten, in place of the root of the mean square."""

from __future__ import annotations

from typing import Any

from ..core import ops
from .arithmetic import assign, check_betas, check_not_negative, check_rate, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["Adamax"]


def adamax(p: Any, g: Any, m: Any, u: Any, t: Any, *, lr: Any, beta1: float, beta2: float, eps: float) -> None:
    """m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g| + ε);  w = w - γ / (1 - β₁ᵗ) · m / u."""
    m *= beta1
    m += (1 - beta1) * g
    size = ops.abs(g)
    size += eps
    assign(u, ops.maximum(beta2 * u, size))
    p -= lr / (1 - beta1**t) * m / u


class Adamax(Optimizer):
    """m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g| + ε);  w = w - γ / (1 - β₁ᵗ) · m / u in step t.

    γ: ``lr``; β₁, β₂: ``betas``; ε: ``eps``; ``weight_decay`` λ adds λ w to g.
    Raises ArgumentError for numbers below zero, and for β outside [0, 1).
    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2014), section 7.1,
    https://arxiv.org/abs/1412.6980; https://pytorch.org/docs/stable/generated/torch.optim.Adamax.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_rate("Adamax", lr)
        check_not_negative("Adamax", eps=eps, weight_decay=weight_decay)
        check_betas("Adamax", betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        settings = {"lr": group["lr"], "beta1": beta1, "beta2": beta2, "eps": group["eps"]}
        adamax(p, g, state["exp_avg"], state["exp_inf"], state["step"], **settings)
