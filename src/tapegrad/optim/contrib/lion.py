"""Lion: the sign of a momentum."""

from __future__ import annotations

from typing import Any

from ...core import ops
from ..arithmetic import assign, check_betas, check_not_negative, check_rate, zeros_like
from ..optimizer import Optimizer

__all__ = ["Lion"]


class Lion(Optimizer):
    """w = (1 - γ λ) w - γ sign(β₁ m + (1 - β₁) g);  m = β₂ m + (1 - β₂) g.

    γ: ``lr``, some 3 to 10 times smaller than Adam's; λ: ``weight_decay``, as many times larger; β₁, β₂: ``betas``.
    Raises ArgumentError for numbers out of their ranges.
    Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023), https://arxiv.org/abs/2302.06675

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -2.0]))
    >>> optimizer = tg.optim.contrib.Lion([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5000, -1.5000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ):
        check_rate("Lion", lr)
        check_betas("Lion", betas)
        check_not_negative("Lion", weight_decay=weight_decay)
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**defaults, "decoupled_weight_decay": True})

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": zeros_like(p)}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        (beta1, beta2), m = group["betas"], state["exp_avg"]
        p -= ops.sign(m * beta1 + g * (1 - beta1)) * group["lr"]
        assign(m, m * beta2 + g * (1 - beta2))
