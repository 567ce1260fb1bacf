"""Functions that read and write positions of one dimension, flat positions, and what masks select."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Tensor, as_array, function, ops, wrap
from ..errors import DTypeError, PositionError, ShapeError
from .index import check_range
from .shape import wrap_dim
from .subscript import Index, as_value, parse_index, put, refuse_trace
from .views import broadcast_tensors

__all__ = [
    "argwhere",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_select",
    "masked_scatter",
    "masked_select",
    "narrow",
    "nonzero",
    "select",
    "take",
]


# -- reading ------------------------------------------------------------------------------------------------------------


@function(methods="select")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the view at one position of a dimension, which is taken away.

    >>> import tapegrad as tg
    >>> tg.select(tg.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    place = wrap_dim("select", dim, input.ndim)
    return ops.index_view(input, layout=(*(slice(None),) * place, int(index)))


@function(methods="narrow")
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Return the view of ``length`` elements from ``start`` on along a dimension.

    Raises PositionError when they do not lie within it.
    Source: https://pytorch.org/docs/stable/generated/torch.narrow.html

    >>> import tapegrad as tg
    >>> tg.narrow(tg.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    if input.ndim == 0:
        raise ShapeError("narrow", "a 0-d tensor has no dimension to narrow", "use reshape(1) first")
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise ShapeError(
            "narrow", f"start is a tensor of shape {tuple(start.shape)} of {start.dtype}", "give an integer"
        )
    if not -input.ndim <= dim < input.ndim:
        raise PositionError("narrow", f"dimension {dim} of {input.ndim}", f"use {-input.ndim} to {input.ndim - 1}")
    place = dim % input.ndim
    size = input.shape[place]
    first = int(start) + size if int(start) < 0 else int(start)
    if first < 0 or length < 0 or first + length > size:
        raise PositionError(
            "narrow", f"start {int(start)} and length {length} leave dimension {dim} of size {size}", "stay within it"
        )
    return ops.index_view(input, layout=(*(slice(None),) * place, slice(first, first + length)))


def _along(who: str, input: Tensor, dim: int, index: Tensor) -> Index:
    """Return the index that takes positions along one dimension, checked as PyTorch's ``index_...`` functions do."""
    place = wrap_dim(who, dim, input.ndim)
    if index.ndim > 1:
        raise ShapeError(who, f"the index has shape {tuple(index.shape)}", "give a vector of positions")
    if index.dtype.kind not in "iu":
        raise DTypeError(who, f"the index has dtype {index.dtype}", "convert it with .long()")
    check_range(who, as_array(index), input.shape[place] if input.ndim else 1, place)
    if input.ndim == 0:
        return Index((Ellipsis,), [], [])
    return Index((), [index if index.ndim else ops.reshape(index, shape=(1,))], [place])


@function(methods="index_select")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return a copy of the positions ``index`` of a dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.index_select.html

    >>> import tapegrad as tg
    >>> tg.index_select(tg.tensor([[1, 2, 3], [4, 5, 6]]), 1, tg.tensor([2, 0]))
    tensor([[3, 1],
            [6, 4]])
    """
    if input.ndim == 0:
        return ops.reshape(index_select(ops.reshape(input, shape=(1,)), dim, index), shape=())
    place = _along("index_select", input, dim, index)
    return ops.index(input, *place.arrays, dims=place.dims)


@function(methods="take")
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at flat positions, in the shape of ``index``.

    Source: https://pytorch.org/docs/stable/generated/torch.take.html

    >>> import tapegrad as tg
    >>> tg.take(tg.tensor([[1, 2], [3, 4]]), tg.tensor([3, 0]))
    tensor([4, 1])
    """
    return ops.index(ops.reshape(input, shape=(-1,)), index, dims=(0,))


@function(methods="masked_select")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where a mask, broadcast with the input, is true, as a vector.

    Source: https://pytorch.org/docs/stable/generated/torch.masked_select.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([1, 2, 3])
    >>> tg.masked_select(x, x > 1)
    tensor([2, 3])
    """
    stretched, chosen = broadcast_tensors(input, _mask("masked_select", mask))
    return stretched[chosen]


def _mask(who: str, mask: Tensor) -> Tensor:
    if mask.dtype != np.bool_:
        raise DTypeError(who, f"the mask has dtype {mask.dtype}", "convert it with .bool()")
    return mask


@function(methods="nonzero")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the positions of the elements that are not zero: one row each, or a tuple with a vector for each dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.nonzero.html

    >>> import tapegrad as tg
    >>> tg.nonzero(tg.tensor([0, 5, 7])), tg.nonzero(tg.tensor([0, 5, 7]), as_tuple=True)
    (tensor([[1],
            [2]]), (tensor([1, 2]),))
    """
    array = input._read("nonzero")
    if as_tuple:
        return tuple(wrap(np.array(part)) for part in np.atleast_1d(array).nonzero())
    return wrap(np.argwhere(array))


@function(methods="argwhere")
def argwhere(input: Tensor) -> Tensor:
    """Return the positions of the elements that are not zero, one row each."""
    return nonzero(input)


# -- writing ------------------------------------------------------------------------------------------------------------


def _writing(prepare: Callable[..., tuple[Index, Any, bool]]) -> Callable[..., Tensor]:
    """Register a write, given what returns its index, its value and whether it adds: out of place and in place."""
    name = prepare.__name__.lstrip("_")

    @functools.wraps(prepare)
    def out_of_place(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        place, value, accumulate = prepare(input, *args, **kwargs)
        return ops.index_put(input, value, *place.arrays, layout=place.layout, dims=place.dims, accumulate=accumulate)

    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        place, value, accumulate = prepare(self, *args, **kwargs)
        return put(self, place, value, accumulate, name + "_")

    in_place.__name__ = name + "_"
    in_place.__doc__ = f"In-place version of :meth:`{name}`."
    setattr(Tensor, name + "_", in_place)
    return function(methods=name, name=name)(out_of_place)


def _source(who: str, input: Tensor, place: Index, source: Tensor) -> Tensor:
    """Check that a source has the input's dtype, and its shape but for the indexed dimension."""
    if source.dtype != input.dtype:
        raise DTypeError(who, f"the source is {source.dtype}, the input {input.dtype}", "convert one of them")
    shape = list(input.shape)
    if shape:
        shape[place.dims[0]] = place.arrays[0].shape[0]
    elif source.ndim:
        source = ops.reshape(source, shape=())
    if tuple(source.shape) != tuple(shape):
        raise ShapeError(who, f"the source has shape {tuple(source.shape)}", f"it should be {tuple(shape)}")
    return source


@_writing
def index_add(input, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1):
    """Return the input with ``alpha * source`` added at the positions ``index`` of a dimension; equal positions add up.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html

    >>> import tapegrad as tg
    >>> tg.index_add(tg.zeros(3), 0, tg.tensor([0, 2, 0]), tg.ones(3))
    tensor([2., 0., 1.])
    """
    place = _along("index_add", input, dim, index)
    source = _source("index_add", input, place, source)
    return place, source if alpha == 1 else source * alpha, True


@_writing
def index_copy(input, dim: int, index: Tensor, source: Tensor):
    """Return the input with ``source`` at the positions ``index`` of a dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.index_copy_.html

    >>> import tapegrad as tg
    >>> tg.index_copy(tg.zeros(3), 0, tg.tensor([2, 0]), tg.tensor([1.0, 2.0, ][:2]))
    tensor([2., 0., 1.])
    """
    place = _along("index_copy", input, dim, index)
    return place, _source("index_copy", input, place, source), False


@_writing
def _index_fill(input, dim: int, index: Tensor, value: Any):
    """Return where one value is written, and the value."""
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError("index_fill", f"the value has shape {tuple(value.shape)}", "give a number or a 0-d tensor")
    return _along("index_fill", input, dim, index), as_value(input, value), False


@function(methods="index_fill")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return the input with one value at the positions ``index`` of a dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.index_fill_.html

    >>> import tapegrad as tg
    >>> tg.index_fill(tg.zeros(3), 0, tg.tensor([2, 0]), 1.0)
    tensor([1., 0., 1.])
    """
    if not isinstance(value, Tensor) or not value.requires_grad:
        return _index_fill(input, dim, index, value)
    # The value's gradient counts a position once, however often it is named.
    nowhere = ops.full(size=tuple(input.shape), fill_value=False, dtype=np.dtype(bool))
    return ops.where(_index_fill(nowhere, dim, index, True), as_value(input, value), input)


@_writing
def index_put(input, indices: Any, values: Any, accumulate: bool = False):
    """Return the input with ``values`` at a tuple of positions or masks: written there, or added with ``accumulate``.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html

    >>> import tapegrad as tg
    >>> tg.index_put(tg.zeros(3), (tg.tensor([0, 0]),), tg.tensor(1.0), accumulate=True)
    tensor([2., 0., 0.])
    """
    expression = tuple(slice(None) if i is None else i for i in indices)
    return parse_index(expression, input.ndim), as_value(input, values), accumulate


@_writing
def _masked_scatter(input, mask: Tensor, source: Tensor):
    """Return where the elements of a source are written, and those elements."""
    refuse_trace("masked_scatter")
    stretched = ops.expand(_mask("masked_scatter", mask), shape=tuple(input.shape))
    count = int(stretched.array.sum())
    if source.dtype != input.dtype:
        raise DTypeError("masked_scatter", f"the source is {source.dtype}, the input {input.dtype}", "convert one")
    if source.numel() < count:
        raise ShapeError(
            "masked_scatter", f"{source.numel()} elements for {count} places", "give one for every true element"
        )
    values = ops.index_view(ops.reshape(source, shape=(-1,)), layout=(slice(count),))
    return Index((), [stretched], [0]), values, False


@function(methods="masked_scatter")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return the input with the elements of ``source``, one after the other, where a mask is true.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html

    >>> import tapegrad as tg
    >>> tg.masked_scatter(tg.zeros(3), tg.tensor([True, False, True]), tg.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    return _masked_scatter(broadcast_tensors(input, mask)[0], mask, source)
