"""Parts of sparse tensors, and sparse tensors put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, ops
from ..errors import IndexRangeError, LayoutError, ShapeError
from ..ops.shape import wrap_dim
from .positions import join
from .tensor import SparseTensor, is_sparse, make_sparse

__all__ = ["concatenate", "pick", "select_by", "stacked"]


def select_by(t: SparseTensor, index: Any) -> Tensor:
    """Return ``t[index]`` for integers, slices with step 1, None and an ellipsis.

    Raises LayoutError for other indices, IndexRangeError for those out of range.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(i, (Tensor, np.ndarray, list)) or i is None for i in items):
        raise LayoutError("index", "a sparse tensor is indexed by integers and slices alone", "use index_select()")
    if Ellipsis in items:
        place = items.index(Ellipsis)
        items[place : place + 1] = [slice(None)] * (t.ndim - len(items) + 1)
    if len(items) > t.ndim:
        raise IndexRangeError("index", f"{len(items)} indices for {t.ndim} dimensions", "use fewer")
    result: Any = t
    dim = 0
    for item in items:
        if isinstance(item, slice):
            result = result[(slice(None),) * dim + (item,)] if not is_sparse(result) else _narrowed(result, dim, item)
            dim += 1
        else:
            result = result.select(dim, int(item)) if not is_sparse(result) else _selected(result, dim, int(item))
    return result


def _selected(t: SparseTensor, dim: int, at: int) -> Tensor:
    length = t._size[dim]
    if not -length <= at < length:
        raise IndexRangeError("select", f"index {at} in a dimension of size {length}", f"use 0 to {length - 1}")
    at %= length
    size = (*t._size[:dim], *t._size[dim + 1 :])
    if dim >= t.sparse_dim():
        return make_sparse(t._positions, t._entries.select(dim - t.sparse_dim() + 1, at), size, t._coalesced)
    held = np.flatnonzero(t._positions[dim] == at)
    values = ops.index(t._entries, held, dims=(0,))
    if t.sparse_dim() == 1:
        return ops.sum(values, dim=0)
    return make_sparse(np.delete(t._positions[:, held], dim, axis=0), values, size, t._coalesced)


def _narrowed(t: SparseTensor, dim: int, part: slice) -> SparseTensor:
    first, last, step = part.indices(t._size[dim])
    if step != 1:
        raise LayoutError("index", f"a slice with step {step} of a sparse tensor", "use index_select()")
    length = max(0, last - first)
    size = (*t._size[:dim], length, *t._size[dim + 1 :])
    if length == t._size[dim]:
        return t
    if dim >= t.sparse_dim():
        values = t._entries.narrow(dim - t.sparse_dim() + 1, first, length)
        return make_sparse(t._positions, values, size, t._coalesced)
    held = np.flatnonzero((t._positions[dim] >= first) & (t._positions[dim] < last))
    positions = t._positions[:, held]
    positions[dim] -= first
    return make_sparse(positions, ops.index(t._entries, held, dims=(0,)), size, t._coalesced)


def pick(t: SparseTensor, dim: int, wanted: np.ndarray) -> SparseTensor:
    """Return the given positions of a dimension, in their order, some perhaps more than once."""
    size = (*t._size[:dim], len(wanted), *t._size[dim + 1 :])
    wanted = np.where(wanted < 0, wanted + t._size[dim], wanted)
    if dim >= t.sparse_dim():
        values = ops.index(t._entries, wanted, dims=(dim - t.sparse_dim() + 1,))
        return make_sparse(t._positions, values, size, t._coalesced)
    order = np.argsort(t._positions[dim], kind="stable")
    place, found = join(wanted, t._positions[dim][order])
    held = order[found]
    positions = t._positions[:, held]
    positions[dim] = place
    return make_sparse(positions, ops.index(t._entries, held, dims=(0,)), size, False)


def concatenate(*tensors: Any, dim: int = 0) -> Any:
    """Return sparse tensors one behind the other along a dimension."""
    if not all(is_sparse(t) for t in tensors):
        return NotImplemented
    first = tensors[0]
    place = wrap_dim("cat", dim, first.ndim)
    for t in tensors:
        if t.ndim != first.ndim or any(
            a != b for d, (a, b) in enumerate(zip(t._size, first._size, strict=True)) if d != place
        ):
            raise ShapeError(
                "cat", f"shapes {first._size} and {t._size} do not fit", f"differ in dimension {place} alone"
            )
    ends = np.cumsum([t._size[place] for t in tensors])
    size = (*first._size[:place], int(ends[-1]), *first._size[place + 1 :])
    if place >= first.sparse_dim():
        raise LayoutError("cat", f"dimension {dim} is dense", "use to_dense() first")
    dtype = np.result_type(*(t.dtype for t in tensors))
    values = ops.cat(*(t._entries.to(dtype) for t in tensors), dim=0)
    moved = []
    for t, end in zip(tensors, ends, strict=True):
        positions = t._positions.copy()
        positions[place] += end - t._size[place]
        moved.append(positions)
    return make_sparse(np.concatenate(moved, axis=1), values, size, False)


def stacked(*tensors: Any, dim: int = 0) -> Any:
    """Return sparse tensors of one shape along a new dimension."""
    if not all(is_sparse(t) for t in tensors):
        return NotImplemented
    place = wrap_dim("stack", dim, tensors[0].ndim + 1)
    return concatenate(*(t.unsqueeze(place) for t in tensors), dim=place)
