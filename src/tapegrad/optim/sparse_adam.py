"""SparseAdam: Adam for embeddings, which moves only the rows that were looked up."""

from __future__ import annotations

from typing import Any

from ..core import ops
from ..errors import ArgumentError
from .arithmetic import assign, check_betas, check_not_negative, check_rate, scalar, zeros_like
from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer, elementwise=False):
    """Adam in the rows where the gradient is not zero; all other rows, and their moments, stay as they are.

    Gradients of embeddings are dense here, with zero rows for what was not looked up; sparse ones are taken as well,
    which is all that PyTorch takes.
    γ: ``lr``; β₁, β₂: ``betas``; ε: ``eps``. Raises ArgumentError for numbers out of their ranges.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.ones(2, 2))
    >>> optimizer = tg.optim.SparseAdam([w], lr=0.1)
    >>> w[0].sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([[0.9000, 0.9000],
            [1.0000, 1.0000]])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ):
        check_rate("SparseAdam", lr)
        check_not_negative("SparseAdam", eps=eps)
        check_betas("SparseAdam", betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        if any(p.array.dtype.kind == "c" for group in self.param_groups for p in group["params"]):
            raise ArgumentError("SparseAdam", "a parameter is complex", "keep its parts as two parameters")

    def _start(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": scalar(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _step_parameter(self, p: Any, group: dict[str, Any]) -> None:
        sparse = p.grad
        if not sparse.is_sparse:
            super()._step_parameter(p, group)
            return
        p._grad = sparse.to_dense()
        try:
            super()._step_parameter(p, group)
        finally:
            p._grad = sparse

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        (beta1, beta2), t = group["betas"], state["step"]
        m, s = state["exp_avg"], state["exp_avg_sq"]
        touched = ops.any(g != 0, dim=tuple(range(1, p.ndim)), keepdim=True) if p.ndim > 1 else g != 0
        assign(m, ops.where(touched, m + (g - m) * (1 - beta1), m))
        assign(s, ops.where(touched, s + (g * g - s) * (1 - beta2), s))
        rate = group["lr"] * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        p -= ops.where(touched, m / (ops.sqrt(s) + group["eps"]) * rate, 0.0)
