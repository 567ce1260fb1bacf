"""ASGD: gradient descent with a falling rate, and the average of the weights that it passes through."""

from __future__ import annotations

from typing import Any

from ..core import as_array
from .arithmetic import assign, check_not_negative, check_rate, choose, read, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["ASGD"]


def asgd(p: Any, g: Any, mean: Any, eta: Any, mu: Any, *, lambd: float) -> None:
    """w = (1 - λ η) w - η g;  w̄ = w̄ + μ (w - w̄)."""
    p *= 1 - lambd * eta
    p -= eta * g
    mean += mu * (p - mean)


class ASGD(Optimizer):
    """w = (1 - λ ηₜ) w - ηₜ g;  w̄ = w̄ + μₜ (w - w̄), with ηₜ₊₁ = γ / (1 + λ γ t)^α and μₜ₊₁ = 1 / max(1, t - t₀).

    The average w̄ is in ``state[p]["ax"]``. γ: ``lr``; λ: ``lambd``; α: ``alpha``; averaging begins after ``t0`` steps;
    ``weight_decay`` adds its multiple of w to g. Raises ArgumentError for a negative ``lr`` or ``weight_decay``.
    Source: B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging" (1992);
    https://pytorch.org/docs/stable/generated/torch.optim.ASGD.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_rate("ASGD", lr)
        check_not_negative("ASGD", weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        lr = float(as_array(group["lr"]))
        return {"step": scalar(), "eta": scalar(lr), "mu": scalar(1.0), "ax": zeros_like(p)}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, lambd, t = group["lr"], group["lambd"], state["step"]
        asgd(p, g, state["ax"], read(state["eta"]), read(state["mu"]), lambd=lambd)
        assign(state["eta"], lr / (1 + lambd * lr * t) ** group["alpha"])
        assign(state["mu"], 1 / choose(t - group["t0"] > 1, t - group["t0"], 1.0))
