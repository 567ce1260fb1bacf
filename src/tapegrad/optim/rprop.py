"""Rprop: only the signs of the gradient count, and each weight's step grows while its sign stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import as_array, ops, wrap
from ..errors import ArgumentError
from .arithmetic import assign, check_rate, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["Rprop"]


def rprop(p: Any, g: Any, before: Any, size: Any, *, etas: tuple[float, float], sizes: tuple[float, float]) -> None:
    """Δ = Δ η₊ while the gradient keeps its sign, Δ η₋ and no step when it turned;  w = w - sign(g) Δ."""
    agreement = g * before
    turned = agreement < 0
    grown = ops.where(turned, size * etas[0], ops.where(agreement > 0, size * etas[1], size))
    assign(size, ops.clamp(grown, min=sizes[0], max=sizes[1]))
    g = ops.where(turned, 0.0, g)
    p -= ops.sign(g) * size
    assign(before, g)


class Rprop(Optimizer):
    """Δ = Δ η₊ while the gradient keeps its sign, Δ η₋ and no step when it turned;  w = w - sign(g) Δ.

    η₋, η₊: ``etas``; Δ begins at ``lr`` and stays within ``step_sizes``. For full batches: the noise of small ones
    turns signs. Raises ArgumentError for a negative ``lr``, and unless 0 < η₋ < 1 < η₊.
    Source: M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm" (1993); https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_rate("Rprop", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ArgumentError("Rprop", f"etas are {etas}", "use one between 0 and 1, and one above 1")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        lr = float(as_array(group["lr"]))
        return {"step": scalar(), "prev": zeros_like(p), "step_size": wrap(np.full_like(p.array, lr))}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        rprop(p, g, state["prev"], state["step_size"], etas=group["etas"], sizes=group["step_sizes"])
