"""Adam and AdamW: running averages of the gradient and of its square, corrected for beginning at zero."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..errors import ArgumentError
from .arithmetic import assign, check_betas, check_not_negative, check_rate, into, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["Adam", "AdamW"]


def adam(
    p: Any, g: Any, work: Any, m: Any, s: Any, largest: Any, t: Any, *, lr: Any, beta1: float, beta2: float, eps: float
) -> None:
    """m = β₁ m + (1 - β₁) g;  s = β₂ s + (1 - β₂) g²;  w = w - γ m̂ / (√ŝ + ε), m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ)."""
    m *= beta1
    m += into(work, ops.mul, g, 1 - beta1)
    s *= beta2
    square = into(work, ops.mul, g, g)
    square *= 1 - beta2
    s += square
    if largest is not None:
        assign(largest, ops.maximum(largest, s))
    root = into(work, ops.sqrt, s if largest is None else largest)
    # m̂ / (√ŝ + ε) = m √c / ((√s + ε √c) (1 - β₁ᵗ)) with c = 1 - β₂ᵗ: one pass over memory less.
    scale = (1 - beta2**t) ** 0.5
    root += eps * scale
    step = into(work, ops.div, m, root)
    step *= lr * scale / (1 - beta1**t)
    p -= step


class Adam(Optimizer):
    """m = β₁ m + (1 - β₁) g;  s = β₂ s + (1 - β₂) g²;  w = w - γ m̂ / (√ŝ + ε).

    Corrected for beginning at zero: m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ) in step t. γ: ``lr``; β₁, β₂: ``betas``; ε: ``eps``.
    ``weight_decay`` λ adds λ w to g, where √ŝ rescales it: no L2 penalty in effect; ``decoupled_weight_decay``, or AdamW,
    takes w = (1 - γ λ) w first instead. ``amsgrad`` uses the largest s so far. ``maximize`` turns the gradient's sign.
    Raises ArgumentError for numbers below zero, and for β outside [0, 1).
    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2014), https://arxiv.org/abs/1412.6980;
    S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond" (2018), https://arxiv.org/abs/1904.09237;
    https://pytorch.org/docs/stable/generated/torch.optim.Adam.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -2.0]))
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter containing:
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        who = type(self).__name__
        check_rate(who, lr)
        check_not_negative(who, eps=eps, weight_decay=weight_decay)
        check_betas(who, betas)
        _check_tensor_options(who, lr, betas, bool(foreach) and not capturable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        state = {"step": scalar(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(p)
        return state

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        adam(
            p,
            g,
            work,
            state["exp_avg"],
            state["exp_avg_sq"],
            state["max_exp_avg_sq"] if group["amsgrad"] else None,
            state["step"],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
        )


def _check_tensor_options(who: str, lr: Any, betas: tuple, foreach_alone: bool) -> None:
    """Raise ArgumentError for options given as tensors where PyTorch takes none."""
    tensors = [isinstance(beta, Tensor) for beta in betas]
    if any(tensors) != all(tensors):
        raise ArgumentError(who, "one of betas is a tensor, the other a number", "give both as floats, or as tensors")
    if foreach_alone and (isinstance(lr, Tensor) or any(tensors)):
        raise ArgumentError(who, "lr or betas are tensors with foreach=True", "set capturable=True, or use numbers")
    for beta in betas:
        if isinstance(beta, Tensor) and beta.numel() != 1:
            raise ArgumentError(who, f"one of betas has shape {tuple(beta.shape)}", "use tensors of one element")


class AdamW(Adam):
    """Adam with decoupled weight decay: w = (1 - γ λ) w, then Adam's step from the gradient alone.

    Arguments as for :class:`Adam`; λ, ``weight_decay``, is 0.01 unless given.
    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization" (2017), https://arxiv.org/abs/1711.05101;
    https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -2.0]))
    >>> optimizer = tg.optim.AdamW([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.8990, -1.8980])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
