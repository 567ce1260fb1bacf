"""LARS and LAMB: steps in proportion to each layer's weights, for large batches."""

from __future__ import annotations

from typing import Any

from ...core import ops
from ..arithmetic import assign, check_betas, check_not_negative, check_rate, scalar, zeros_like
from ..optimizer import Optimizer

__all__ = ["LAMB", "LARS"]


def _norm(x: Any) -> Any:
    return ops.sqrt(ops.sum(x * x))


def _ratio(weights: Any, step: Any, factor: float = 1.0) -> Any:
    """Return factor · weights / step for two norms; 1 where one of them is 0."""
    whole = (weights > 0) & (step > 0)
    return ops.where(whole, factor * weights / ops.where(whole, step, 1.0), 1.0)


class LARS(Optimizer, elementwise=False):
    """b = μ b + γ r (g + λ w), with r = η |w| / (|g| + λ |w| + ε);  w = w - b.

    γ: ``lr``, μ: ``momentum``, λ: ``weight_decay``, η: ``trust_coefficient``, ε: ``eps``. Vectors (biases, scales of
    normalisations) are stepped with r = 1 and without decay. Raises ArgumentError for numbers below zero.
    Source: Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks" (2017),
    https://arxiv.org/abs/1708.03888

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.ones(2, 2))
    >>> optimizer = tg.optim.contrib.LARS([w], lr=1.0, trust_coefficient=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w[0].tolist()
    [0.8999999761581421, 0.8999999761581421]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
        eps: float = 1e-8,
        *,
        maximize: bool = False,
    ):
        check_rate("LARS", lr)
        check_not_negative(
            "LARS", momentum=momentum, weight_decay=weight_decay, trust_coefficient=trust_coefficient, eps=eps
        )
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**defaults, "trust_coefficient": trust_coefficient, "eps": eps})

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(p)}

    def _advance(self, w: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        super()._advance(w, g, state, {**group, "weight_decay": 0, "decay": group["weight_decay"]})

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if p.ndim > 1:
            weights, decay = _norm(p), group["decay"]
            ratio = _ratio(weights, _norm(g) + weights * decay + group["eps"], group["trust_coefficient"])
            g = (g + p * decay) * ratio
        held = state["momentum_buffer"]
        assign(held, held * group["momentum"] + g * group["lr"])
        p -= held


class LAMB(Optimizer, elementwise=False):
    """w = w - γ |w| / |u| u, with u = m̂ / (√ŝ + ε) + λ w of Adam's moments.

    γ: ``lr``, β₁, β₂: ``betas``, ε: ``eps``, λ: ``weight_decay``. Raises ArgumentError for numbers out of their ranges.
    Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes" (2019),
    https://arxiv.org/abs/1904.00962

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.ones(2, 2))
    >>> optimizer = tg.optim.contrib.LAMB([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w[0].tolist()
    [0.8999999761581421, 0.8999999761581421]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ):
        check_rate("LAMB", lr)
        check_betas("LAMB", betas)
        check_not_negative("LAMB", eps=eps, weight_decay=weight_decay)
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _advance(self, w: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        super()._advance(w, g, state, {**group, "weight_decay": 0, "decay": group["weight_decay"]})

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        (beta1, beta2), t = group["betas"], state["step"]
        m, s = state["exp_avg"], state["exp_avg_sq"]
        assign(m, m + (g - m) * (1 - beta1))
        assign(s, s + (g * g - s) * (1 - beta2))
        u = m * (1 / (1 - beta1**t)) / (ops.sqrt(s * (1 / (1 - beta2**t))) + group["eps"]) + p * group["decay"]
        p -= u * (_ratio(_norm(p), _norm(u)) * group["lr"])
