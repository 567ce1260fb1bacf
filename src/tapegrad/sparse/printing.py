"""How sparse tensors print: coordinates, values and size, as in PyTorch."""

from __future__ import annotations

from ..core import Tensor, wrap
from ..core.printing import format_tensor
from .tensor import SparseTensor

__all__ = ["format_sparse"]

_INDENT = " " * len("tensor(")
_WIDTH = 80


def format_sparse(t: SparseTensor) -> str:
    """Return the text that ``print`` shows for a sparse tensor."""
    parts = [_named("indices", t._indices()), _named("values", wrap(t._values().array))]
    last = f"size={tuple(t.shape)}, nnz={t._nnz()}"
    if t.dtype not in ("float32", "int64", "bool", "complex64"):
        last += f", dtype={t.dtype}"
    last += ", layout=torch.sparse_coo"
    if t.requires_grad:
        detail = "requires_grad=True" if t.is_leaf else f"grad_fn={t.grad_fn!r}"
        fits = len(_INDENT) + len(last) + len(detail) + 3 <= _WIDTH
        last += f", {detail}" if fits else f",\n{_INDENT}{detail}"
    return f"tensor({f',{chr(10)}{_INDENT}'.join([*parts, last])})"


def _named(name: str, t: Tensor) -> str:
    text = format_tensor(t) if t.numel() else f"tensor([], size={tuple(t.shape)})"
    indent = _INDENT + " " * len(f"{name}=")
    text = text.replace(f", dtype={t.dtype}", "")
    return f"{name}=" + "\n".join(indent + line if i and line else line for i, line in enumerate(text.split("\n")))
