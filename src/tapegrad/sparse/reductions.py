"""Sums of sparse tensors, and the softmax over the entries that are held."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, ops
from ..errors import LayoutError
from ..ops.shape import wrap_dim
from .positions import groups
from .tensor import SparseTensor, is_sparse, make_sparse

__all__ = ["log_softmax", "softmax", "sum"]


def total(input: SparseTensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the sum over dimensions: dense when no sparse dimension is left, else sparse and coalesced."""
    named = dim if isinstance(dim, (tuple, list)) else () if dim is None else (dim,)
    dims = sorted({wrap_dim("sum", d, input.ndim) for d in named}) or list(range(input.ndim))
    sparse = input.sparse_dim()
    inner = tuple(d - sparse + 1 for d in dims if d >= sparse)
    values = ops.sum(input._entries, dim=inner) if inner else input._entries
    left = [d for d in range(sparse) if d not in dims]
    if not left:
        result = ops.sum(values, dim=0)
        return result.reshape([1 if d in dims else n for d, n in enumerate(input._size)]) if keepdim else result
    size = tuple(n for d, n in enumerate(input._size) if d not in dims)
    result = make_sparse(input._positions[left], values, size, input._coalesced and len(left) == sparse)
    return _kept(result.coalesce(), dims) if keepdim else result.coalesce()


def _kept(result: SparseTensor, dims: list[int]) -> SparseTensor:
    """Put the dimensions that were summed over back, with size 1."""
    for d in dims:
        result = result.unsqueeze(d)
    return result


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """Return the sum of a sparse tensor over all dimensions, or those in ``dim``: dense when no sparse one is left.

    Source: https://pytorch.org/docs/stable/generated/torch.sparse.sum.html

    >>> import tapegrad as tg
    >>> tg.sparse.sum(tg.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)))
    tensor(7.)
    """
    _require("sparse.sum", input)
    if dtype is not None:
        input = input.to(dtype)
    elif dim is not None and input.dtype.kind in "biu" and input.dtype != np.int64:
        input = input.to(np.int64)
    return ops.sum(input, dim=tuple(dim) if isinstance(dim, list) else dim)


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """Return the softmax along a dimension over the entries that are held: the others count as minus infinity.

    Source: https://pytorch.org/docs/stable/generated/torch.sparse.softmax.html

    >>> import tapegrad as tg
    >>> tg.sparse.softmax(tg.sparse_coo_tensor([[0, 0], [0, 2]], [1.0, 1.0], (1, 3)), 1).values()
    tensor([0.5000, 0.5000])
    """
    t = _prepared("softmax", input, dtype)
    place = wrap_dim("softmax", dim, t.ndim)
    if place >= t.sparse_dim():
        return _with(t, ops.softmax(t._entries, dim=place - t.sparse_dim() + 1))
    shifted, group, count = _shifted(t, place)
    powers = ops.exp(shifted)
    return _with(t, powers / _gathered(powers, group, count))


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """Return the logarithm of :func:`softmax`.

    Source: https://pytorch.org/docs/stable/generated/torch.sparse.log_softmax.html
    """
    t = _prepared("log_softmax", input, dtype)
    place = wrap_dim("log_softmax", dim, t.ndim)
    if place >= t.sparse_dim():
        return _with(t, ops.log_softmax(t._entries, dim=place - t.sparse_dim() + 1))
    shifted, group, count = _shifted(t, place)
    return _with(t, shifted - ops.log(_gathered(ops.exp(shifted), group, count)))


def _prepared(who: str, input: Tensor, dtype: Any) -> SparseTensor:
    _require(f"sparse.{who}", input)
    return (input if dtype is None else input.to(dtype)).coalesce()  # type: ignore[return-value]


def _require(who: str, input: Any) -> None:
    if not is_sparse(input):
        raise LayoutError(who, "the tensor is dense", "use the function of the same name without 'sparse.'")


def _with(t: SparseTensor, values: Tensor) -> SparseTensor:
    return make_sparse(t._positions, values, t._size, True)


def _shifted(t: SparseTensor, dim: int) -> tuple[Tensor, np.ndarray, int]:
    """Return the values less the largest of their group, the group of each, and how many groups there are."""
    others = [d for d in range(t.sparse_dim()) if d != dim]
    distinct, group = groups(t._positions[others], [t._size[d] for d in others])
    count = distinct.shape[1]
    values = t._entries._read("softmax")
    largest = np.full((count, *values.shape[1:]), -np.inf, values.dtype)
    np.maximum.at(largest, group, values)
    return t._entries - largest[group], group, count


def _gathered(terms: Tensor, group: np.ndarray, count: int) -> Tensor:
    """Return for each entry the sum of its group's terms."""
    sums = ops.index_sum(terms, group, dims=(0,), shape=(count, *terms.shape[1:]))
    return ops.index(sums, group, dims=(0,))
