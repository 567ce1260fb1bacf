"""RMSprop: gradients divided by a running root of their mean square."""

from __future__ import annotations

from typing import Any

from ..core import ops
from .arithmetic import check_not_negative, check_rate, into, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["RMSprop"]


def rmsprop(
    p: Any, g: Any, work: Any, s: Any, mean: Any, v: Any, *, lr: Any, alpha: float, eps: float, momentum: float
) -> None:
    """s = α s + (1 - α) g²;  w = w - γ g / (√s + ε); centered: √(s - m²), m the running mean of g."""
    s *= alpha
    square = into(work, ops.mul, g, g)
    square *= 1 - alpha
    s += square
    variance = s
    if mean is not None:
        mean *= alpha
        mean += into(work, ops.mul, g, 1 - alpha)
        variance = into(work, ops.sub, s, into(work, ops.mul, mean, mean))
    root = into(work, ops.sqrt, variance)
    root += eps
    step = into(work, ops.div, g, root)
    if v is not None:
        v *= momentum
        v += step
        step = into(work, ops.mul, v, lr)
    else:
        step *= lr
    p -= step


class RMSprop(Optimizer):
    """s = α s + (1 - α) g²;  w = w - γ g / (√s + ε).

    γ: ``lr``; α: ``alpha``; ε: ``eps``. ``centered`` puts s - m² in the place of s, m = α m + (1 - α) g: the variance.
    ``momentum`` μ: v = μ v + g / (√s + ε), w = w - γ v. ``weight_decay`` λ adds λ w to g.
    Raises ArgumentError for numbers below zero.
    Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012);
    A. Graves, "Generating sequences with recurrent neural networks" (2013), https://arxiv.org/abs/1308.0850 (centered);
    https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -2.0]))
    >>> optimizer = tg.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.9000, -1.9000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_rate("RMSprop", lr)
        check_not_negative("RMSprop", alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        state = {"step": scalar(), "square_avg": zeros_like(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(p)
        if group["centered"]:
            state["grad_avg"] = zeros_like(p)
        return state

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        rmsprop(
            p,
            g,
            work,
            state["square_avg"],
            state["grad_avg"] if group["centered"] else None,
            state["momentum_buffer"] if group["momentum"] > 0 else None,
            lr=group["lr"],
            alpha=group["alpha"],
            eps=group["eps"],
            momentum=group["momentum"],
        )
