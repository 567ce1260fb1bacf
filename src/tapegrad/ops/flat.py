"""Flat positions and rows: ``put``, ``unravel_index``, ``renorm``, diagonals filled in place, runs of equal elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, as_array, function, ops
from ..core import wrap as tensor_of
from ..errors import DTypeError, OptionError, ShapeError, UsageError
from .distance import vector_norm
from .index import check_range
from .select import _writing
from .shape import wrap_dim
from .subscript import Index, as_value
from .subscript import put as put_at

__all__ = ["fill", "nonzero_static", "put", "renorm", "unique_consecutive", "unravel_index"]


# -- flat positions -----------------------------------------------------------------------------------------------------


def _unravelled(index: Tensor, shape: tuple) -> list[Tensor]:
    parts = []
    for n in reversed(shape):
        parts.append(ops.remainder(index, max(n, 1)))
        index = ops.floor_divide(index, max(n, 1))
    return parts[::-1]


@function()
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Return the positions in each dimension of a shape that flat positions stand for.

    Raises OptionError for a negative size, IndexRangeError for a position out of range.
    Source: https://pytorch.org/docs/stable/generated/torch.unravel_index.html

    >>> import tapegrad as tg
    >>> tg.unravel_index(tg.tensor([5]), (2, 3))
    (tensor([1]), tensor([2]))
    """
    if indices.dtype.kind not in "iu":
        raise OptionError("unravel_index", f"the indices have dtype {indices.dtype}", "convert them with .long()")
    if not isinstance(shape, (int, tuple, list, Tensor)):
        raise UsageError("unravel_index", f"the shape is a {type(shape).__name__}", "give integers")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape.tolist() if isinstance(shape, Tensor) else shape)
    if not all(isinstance(n, int) for n in sizes):
        raise UsageError("unravel_index", f"the shape {sizes} is not made of integers", "give integers")
    if min(sizes, default=0) < 0:
        raise OptionError("unravel_index", f"the shape {sizes} has a negative size", "use sizes from 0 on")
    return tuple(_unravelled(ops.cast(indices, dtype="int64"), sizes))


@_writing
def put(input, index: Tensor, source: Tensor, accumulate: bool = False):
    """Return the input with the elements of ``source`` written at flat positions, or added to what is there.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.put_.html

    >>> import tapegrad as tg
    >>> tg.put(tg.zeros(2, 2), tg.tensor([3, 0]), tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 1.]])
    """
    if index.dtype.kind not in "iu":
        raise DTypeError("put", f"the index has dtype {index.dtype}", "convert it with .long()")
    if source.dtype != input.dtype:
        raise DTypeError("put", f"the source is {source.dtype}, the input {input.dtype}", "convert one of them")
    if index.numel() != source.numel():
        raise ShapeError("put", f"{index.numel()} positions for {source.numel()} elements", "give as many of each")
    size = input.numel()
    check_range("put", as_array(index), size, 0, -size)
    flat = ops.reshape(index, shape=(-1,))
    values = ops.reshape(source, shape=(-1,))
    if input.ndim == 0:
        value = ops.sum(values) if accumulate else values[-1] if len(values) else input
        return Index((Ellipsis,), [], []), value, accumulate
    places = _unravelled(ops.where(flat < 0, flat + size, flat), tuple(input.shape))
    return Index((), places, list(range(input.ndim))), values, accumulate


@function()
def fill(input: Tensor, value: Any) -> Tensor:
    """Return a tensor of the input's shape and dtype with one value everywhere, through which gradients flow.

    >>> import tapegrad as tg
    >>> tg.fill(tg.zeros(2), 3)
    tensor([3., 3.])
    """
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError("fill", f"the value has shape {tuple(value.shape)}", "give a number or a 0-d tensor")
    return ops.copy(input, value)


def _fill_diagonal(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write one value on the main diagonal; with ``wrap`` it begins anew below a tall matrix.

    Raises ShapeError for a vector, and for more than two dimensions of unequal size.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.fill_diagonal_.html
    """
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        raise ShapeError("fill_diagonal_", f"the shape is {tuple(self.shape)}", "give a matrix, or equal sizes")
    least = min(self.shape)
    places = np.arange(least)
    rows = places
    if wrap and self.ndim == 2 and self.shape[0] > self.shape[1] + 1:
        flat = np.arange(0, self.shape[0] * self.shape[1], self.shape[1] + 1)
        rows, places = flat // self.shape[1], flat % self.shape[1]
    arrays = [rows, *[places] * (self.ndim - 1)]
    place = Index((), [tensor_of(a) for a in arrays], list(range(self.ndim)))
    return put_at(self, place, as_value(self, fill_value), False, "fill_diagonal_")


Tensor.fill_diagonal_ = _fill_diagonal  # type: ignore[attr-defined]


# -- rows ---------------------------------------------------------------------------------------------------------------


@function(methods="renorm", inplace=True)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Return the input with every slice along ``dim`` whose p-norm exceeds ``maxnorm`` scaled down to it.

    Raises OptionError for a p that is not positive and a negative ``maxnorm``, ShapeError for a vector.
    Source: https://pytorch.org/docs/stable/generated/torch.renorm.html

    >>> import tapegrad as tg
    >>> tg.renorm(tg.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if input.ndim < 2:
        raise ShapeError("renorm", f"the input has {input.ndim} dimensions", "give at least 2")
    if p <= 0 or maxnorm < 0:
        raise OptionError("renorm", f"p is {p}, maxnorm {maxnorm}", "use p > 0 and maxnorm >= 0")
    place = wrap_dim("renorm", dim, input.ndim)
    others = tuple(d for d in range(input.ndim) if d != place)
    norms = vector_norm(input, ord=float(p), dim=others, keepdim=True)
    return input * ops.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1)


# -- runs of equal elements -----------------------------------------------------------------------------------------------


@function(methods="unique_consecutive")
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the first of every run of equal elements (or of slices along ``dim``).

    With ``return_inverse`` also which run each element is in, with ``return_counts`` how long each run is.
    Source: https://pytorch.org/docs/stable/generated/torch.unique_consecutive.html

    >>> import tapegrad as tg
    >>> tg.unique_consecutive(tg.tensor([1, 1, 2, 1]), return_counts=True)
    (tensor([1, 2, 1]), tensor([2, 1, 1]))
    """
    array = input._read("unique_consecutive")
    place = 0 if dim is None else wrap_dim("unique_consecutive", dim, input.ndim)
    if dim is not None and array.size == 0 and array.shape[place]:
        raise ShapeError("unique_consecutive", f"slices of shape {tuple(array.shape)} are empty", "give elements")
    rows = array.reshape(-1) if dim is None or not array.ndim else np.moveaxis(array, place, 0)
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    first = np.ones(len(rows), bool)
    first[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    run = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    counts = np.diff(starts, append=len(rows))
    values = np.moveaxis(rows[first], 0, place) if dim is not None and array.ndim else rows[first]
    inverse = run.reshape(array.shape) if dim is None else run
    found = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    wrapped: tuple[Any, ...] = tuple(tensor_of(np.array(part, order="C")) for part in found)
    return wrapped[0] if len(found) == 1 else wrapped


@function(methods="nonzero_static")
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """Return the positions of the first ``size`` elements that are not 0, one row each, filled up where there are fewer.

    >>> import tapegrad as tg
    >>> tg.nonzero_static(tg.tensor([0, 5]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise OptionError("nonzero_static", f"the size is {size}", "use 0 or more")
    found = np.argwhere(input._read("nonzero_static"))[:size]
    out = np.full((size, input.ndim), fill_value, np.int64)
    out[: len(found)] = found
    return tensor_of(out)
