"""Gradient descent, with and without momentum."""

from __future__ import annotations

from typing import Any

from ..core import STATE, ops
from ..errors import ArgumentError
from .arithmetic import check_not_negative, check_rate, into, zeros_like
from .optimizer import Optimizer

__all__ = ["SGD"]


def sgd(p: Any, g: Any, work: Any, v: Any, *, lr: Any, momentum: float, dampening: float, nesterov: bool) -> None:
    """v = μ v + (1 - d) g;  w = w - γ v, or w - γ (g + μ v) with Nesterov's step."""
    if v is not None:
        v *= momentum
        v += into(work, ops.mul, g, 1 - dampening) if dampening else g
    if v is None or not nesterov:
        p -= into(work, ops.mul, g if v is None else v, lr)
        return
    step = into(work, ops.mul, v, momentum)
    step += g
    step *= lr
    p -= step


def classic_sgd(p: Any, g: Any, work: Any, v: Any, *, lr: Any, momentum: float, nesterov: bool) -> None:
    """v = μ v - γ g;  w = w + v, or w + μ v - γ g with Nesterov's step."""
    step = into(work, ops.mul, g, lr)
    if v is None or nesterov:
        p -= step
    if v is not None:
        v *= momentum
        v -= step
        p += into(work, ops.mul, v, momentum) if nesterov else v


class SGD(Optimizer):
    """Stochastic gradient descent: w = w - γ v, with v = μ v + (1 - d) g, and v = g in the first step.

    γ: ``lr``; μ: ``momentum`` (without it v = g); d: ``dampening``. ``nesterov`` uses g + μ v in the place of v.
    ``weight_decay`` λ adds λ w to the gradient g; ``maximize`` turns its sign. On the whole data set at once this is
    plain gradient descent.
    ``classic=True`` is the textbook's form, v = μ v - γ g and w = w + v (with ``nesterov``: w = w + μ v - γ g). The two
    take the same steps as long as γ stays the same; when a schedule changes γ, the classic velocity keeps its old share.
    Raises ArgumentError for numbers below zero, and for ``nesterov`` without momentum or with dampening.
    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013);
    https://pytorch.org/docs/stable/generated/torch.optim.SGD.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter containing:
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        classic: bool = False,
    ):
        check_rate("SGD", lr)
        check_not_negative("SGD", momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ArgumentError(
                "SGD",
                f"nesterov with momentum={momentum} and dampening={dampening}",
                "Nesterov momentum requires a momentum and zero dampening",
            )
        if classic and dampening != 0:
            raise ArgumentError("SGD", f"classic momentum with dampening={dampening}", "leave dampening at 0")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        # Only when it is set, so that groups and their printed form are else PyTorch's.
        super().__init__(params, {**defaults, "classic": True} if classic else defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(p)} if group["momentum"] else {}

    def _step_parameter(self, p: Any, group: dict[str, Any]) -> None:
        damped = group["momentum"] and group["dampening"] and not self.state[p]
        if damped and STATE.tracer is not None:
            STATE.tracer.refuse(
                "SGD", "the first step with dampening differs from all later ones", "take one step before tracing"
            )
        super()._step_parameter(p, {**group, "dampening": 0} if damped else group)

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        v = state.get("momentum_buffer")
        momentum = group["momentum"]
        v = v if momentum else None
        settings = {"lr": group["lr"], "momentum": momentum, "nesterov": group["nesterov"]}
        if group.get("classic"):
            classic_sgd(p, g, work, v, **settings)
        else:
            sgd(p, g, work, v, dampening=group["dampening"], **settings)
