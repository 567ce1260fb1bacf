"""Muon: momentum of weight matrices, made orthogonal before it is a step."""

from __future__ import annotations

from typing import Any

from ..core import ops
from ..errors import ArgumentError
from .arithmetic import assign, check_not_negative, check_rate, zeros_like
from .optimizer import Optimizer

__all__ = ["Muon"]


def orthogonalized(g: Any, coefficients: tuple[float, float, float], eps: float, steps: int) -> Any:
    """Return g with its singular values near 1, by Newton and Schulz's iteration X = a X + (b XXᵀ + c (XXᵀ)²) X."""
    a, b, c = coefficients
    tall = g.shape[0] > g.shape[1]
    x = g.mT if tall else g
    x = x / ops.maximum(ops.sqrt(ops.sum(x * x)), eps)
    for _ in range(steps):
        gram = ops.matmul(x, x.mT)
        x = a * x + ops.matmul(b * gram + c * ops.matmul(gram, gram), x)
    return x.mT if tall else x


class Muon(Optimizer, elementwise=False):
    """b = μ b + (1 - μ) g;  w = (1 - γ λ) w - γ s O(b), with O(b) the matrix nearest to b whose singular values are about 1.

    With ``nesterov``, O of (1 - μ) g + μ b. γ: ``lr``, λ: ``weight_decay``, μ: ``momentum``. s: √max(1, rows / columns)
    with ``adjust_lr_fn`` "original" (or None), 0.2 √max(rows, columns) with "match_rms_adamw". Weight matrices of
    hidden layers alone; give biases, embeddings and outputs to AdamW. PyTorch iterates in bfloat16, this in the
    weights' own dtype, so that singular values come out alike to some 1 %.
    Raises ArgumentError for parameters that are no matrices, and for numbers below zero.
    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024),
    https://kellerjordan.github.io/posts/muon; https://pytorch.org/docs/stable/generated/torch.optim.Muon.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.eye(2))
    >>> optimizer = tg.optim.Muon([w], lr=0.1, weight_decay=0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool((w.diagonal() < 1).all())
    True
    """

    _takes_complex = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        check_rate("Muon", lr)
        check_not_negative("Muon", momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ArgumentError("Muon", f"adjust_lr_fn={adjust_lr_fn!r}", "use 'original' or 'match_rms_adamw'")
        if not 0 < ns_steps < 100 or len(ns_coefficients) != 3:
            raise ArgumentError(
                "Muon", f"ns_steps={ns_steps}, {len(ns_coefficients)} coefficients", "use 1 to 99 steps, 3 coefficients"
            )
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ArgumentError(
                        "Muon", f"a parameter has shape {tuple(p.shape)}", "give it matrices, and the rest to AdamW"
                    )

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(p)}

    def _advance(self, w: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        super()._advance(w, g, state, {**group, "decoupled_weight_decay": True})

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        held, mu = state["momentum_buffer"], group["momentum"]
        assign(held, held + (g - held) * (1 - mu))
        direction = g + (held - g) * mu if group["nesterov"] else held
        rows, columns = p.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * max(rows, columns) ** 0.5
        else:
            scale = max(1.0, rows / columns) ** 0.5
        step = orthogonalized(direction, group["ns_coefficients"], group["eps"], group["ns_steps"])
        p -= step * (group["lr"] * scale)
