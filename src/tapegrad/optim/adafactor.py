"""Adafactor: the running mean of squared gradients of a matrix kept as one of rows and one of columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import ops, wrap
from ..errors import ArgumentError
from .arithmetic import assign, check_not_negative, check_rate, scalar, smaller, zeros_like
from .optimizer import Optimizer

__all__ = ["Adafactor"]


def _mean_square(x: Any) -> Any:
    return ops.mean(x * x)


class Adafactor(Optimizer, elementwise=False):
    """w = w - α g / √V / max(1, RMS(g / √V) / d), with V = R C / mean(R) for matrices, R and C means of g² by rows and columns.

    α = max(ε₂, RMS(w)) min(γ, 1/√t); R, C (or V of vectors) are running means with weight 1 - t^τ for the past.
    γ: ``lr``; τ: ``beta2_decay``; ε₁, ε₂: ``eps`` (None: the dtype's epsilon); ``weight_decay`` λ: w = (1 - γ λ) w before
    the step, whose α is that of w as it was.
    Raises ArgumentError for numbers out of their ranges.
    Source: N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018),
    https://arxiv.org/abs/1804.04235; https://pytorch.org/docs/stable/generated/torch.optim.Adafactor.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.ones(2, 2))
    >>> optimizer = tg.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w[0].tolist()
    [0.8999999761581421, 0.8999999761581421]
    """

    _takes_complex = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        check_rate("Adafactor", lr)
        if not beta2_decay <= 0:
            raise ArgumentError("Adafactor", f"beta2_decay is {beta2_decay}", "use 0 or less")
        if eps[0] is not None:
            check_not_negative("Adafactor", **{"eps[0]": eps[0]})
        check_not_negative("Adafactor", **{"eps[1]": eps[1]}, weight_decay=weight_decay)
        if not d >= 1:
            raise ArgumentError("Adafactor", f"d is {d}", "use 1 or more")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        if p.ndim < 2:
            return {"step": scalar(), "variance": zeros_like(p)}
        shape, dtype = p.array.shape, p.array.dtype
        return {
            "step": scalar(),
            "row_var": wrap(np.zeros((*shape[:-1], 1), dtype)),
            "col_var": wrap(np.zeros((*shape[:-2], 1, shape[-1]), dtype)),
        }

    def _advance(self, w: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        super()._advance(w, g, state, {**group, "weight_decay": 0, "decay": group["weight_decay"]})

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        t, (small, least), lr = state["step"], group["eps"], group["lr"]
        small = float(np.finfo(p.dtype).eps) if small is None else small
        fresh = t ** group["beta2_decay"]
        rate = smaller(1 / t**0.5, lr)
        scale = ops.maximum(ops.sqrt(_mean_square(p)), least)
        if group["decay"]:
            p *= 1 - lr * group["decay"]
        if p.ndim < 2:
            assign(state["variance"], state["variance"] + (g * g - state["variance"]) * fresh)
            variance = state["variance"]
        else:
            rows, columns = state["row_var"], state["col_var"]
            assign(rows, rows + (ops.mean(g * g, dim=-1, keepdim=True) - rows) * fresh)
            assign(columns, columns + (ops.mean(g * g, dim=-2, keepdim=True) - columns) * fresh)
            variance = rows * columns / ops.maximum(ops.mean(rows, dim=-2, keepdim=True), small)
        update = g / ops.sqrt(ops.maximum(variance, small * small))
        size = ops.maximum(ops.sqrt(_mean_square(update)) / group["d"], 1.0)
        p -= update * (rate * scale / size)
