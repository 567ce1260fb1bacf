"""RAdam: Adam that trusts its running square only as far as its variance allows."""

from __future__ import annotations

from typing import Any

from ..core import ops
from .arithmetic import check_betas, check_not_negative, check_rate, choose, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["RAdam"]


def radam(p: Any, g: Any, m: Any, s: Any, t: Any, *, lr: Any, beta1: float, beta2: float, eps: float) -> None:
    """w = w - γ m̂ r √(1 - β₂ᵗ) / (√s + ε) once ρₜ > 5, before that w = w - γ m̂."""
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * g * g
    rate = lr / (1 - beta1**t)
    limit = 2 / (1 - beta2) - 1
    if limit <= 5:
        p -= rate * m
        return
    correction = 1 - beta2**t
    length = limit - 2 * t * beta2**t / correction
    trusted = length > 5
    # Below 5 the rectification is not real; what stands in for it is not used.
    length = choose(trusted, length, 5.0)
    share = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
    root = ops.sqrt(s)
    root += eps
    p -= m * choose(trusted, rate * (share * correction) ** 0.5 / root, rate)


class RAdam(Optimizer):
    """Adam with a warm-up of its own: ρₜ = ρ - 2 t β₂ᵗ / (1 - β₂ᵗ), ρ = 2 / (1 - β₂) - 1, is the length of the average.

    m = β₁ m + (1 - β₁) g;  s = β₂ s + (1 - β₂) g²;  m̂ = m / (1 - β₁ᵗ);
    w = w - γ m̂ r √(1 - β₂ᵗ) / (√s + ε) with r² = (ρₜ - 4) (ρₜ - 2) ρ / ((ρ - 4) (ρ - 2) ρₜ) once ρₜ > 5, before that
    w = w - γ m̂. γ: ``lr``; β₁, β₂: ``betas``; ε: ``eps``. ``weight_decay`` λ adds λ w to g, or, when
    ``decoupled_weight_decay`` is set, takes w = (1 - γ λ) w first.
    Raises ArgumentError for numbers below zero, and for β outside [0, 1).
    Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond" (2019),
    https://arxiv.org/abs/1908.03265; https://pytorch.org/docs/stable/generated/torch.optim.RAdam.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        check_rate("RAdam", lr)
        check_not_negative("RAdam", eps=eps, weight_decay=weight_decay)
        check_betas("RAdam", betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        settings = {"lr": group["lr"], "beta1": beta1, "beta2": beta2, "eps": group["eps"]}
        radam(p, g, state["exp_avg"], state["exp_avg_sq"], state["step"], **settings)
