"""NAdam: Adam with Nesterov's look ahead."""

from __future__ import annotations

from typing import Any

from ..core import ops
from .arithmetic import check_betas, check_not_negative, check_rate, read, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["NAdam"]


def nadam(
    p: Any, g: Any, m: Any, s: Any, product: Any, t: Any, *, lr: Any, beta1: float, beta2: float, eps: float, psi: float
) -> None:
    """μₜ = β₁ (1 - 0.96^(t ψ) / 2), Πₜ = μ₁ ... μₜ;  w = w - γ (μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)) / (√ŝ + ε)."""
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * psi))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * psi))
    product *= mu
    done = read(product)
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * g * g
    root = ops.sqrt(s)
    root /= (1 - beta2**t) ** 0.5
    root += eps
    p -= lr * (1 - mu) / (1 - done) * g / root
    p -= lr * mu_next / (1 - done * mu_next) * m / root


class NAdam(Optimizer):
    """Adam whose momentum looks one step ahead, and grows: μₜ = β₁ (1 - 0.96^(t ψ) / 2), Πₜ = μ₁ ... μₜ.

    m = β₁ m + (1 - β₁) g;  s = β₂ s + (1 - β₂) g²;  ŝ = s / (1 - β₂ᵗ);
    w = w - γ (μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)) / (√ŝ + ε) in step t.
    γ: ``lr``; β₁, β₂: ``betas``; ε: ``eps``; ψ: ``momentum_decay``. ``weight_decay`` λ adds λ w to g, or, when
    ``decoupled_weight_decay`` is set, takes w = (1 - γ λ) w first.
    Raises ArgumentError for numbers below zero, and for β outside [0, 1).
    Source: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016);
    https://pytorch.org/docs/stable/generated/torch.optim.NAdam.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        check_rate("NAdam", lr)
        check_not_negative("NAdam", eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_betas("NAdam", betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "step": scalar(),
            "mu_product": scalar(1.0),
            "exp_avg": zeros_like(p),
            "exp_avg_sq": zeros_like(p),
        }

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        nadam(
            p,
            g,
            state["exp_avg"],
            state["exp_avg_sq"],
            state["mu_product"],
            state["step"],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            psi=group["momentum_decay"],
        )
