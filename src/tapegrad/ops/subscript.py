"""Index expressions: ``x[...]`` read and written. The primitives are in ``index``.

The semantics are PyTorch's: ints, slices, None and Ellipsis give a view; tensors, arrays, lists and masks a copy; 0-d
positions count as ints.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import STATE, Primitive, Tensor, ops
from ..core.creation import tensor
from ..core.dispatch import apply
from ..core.methods import _check_writable, overwrite
from ..errors import IndexRangeError, ShapeError

__all__: list[str] = []

_STATIC = (int, slice, type(None), type(Ellipsis))


# -- reading an expression ----------------------------------------------------------------------------------------------


class Index:
    """An index expression taken apart: the static ``layout``, and arrays with the dimensions of the view they apply to."""

    __slots__ = ("arrays", "dims", "layout")

    def __init__(self, layout: tuple, arrays: list, dims: list):
        self.layout = layout
        self.arrays = arrays
        self.dims = tuple(dims)


def _is_static(item: Any) -> bool:
    """Return whether an item is an int, a slice of ints, None or Ellipsis: what NumPy answers with a view."""
    kind = type(item)
    if kind is slice:
        return all(type(part) in (int, type(None)) for part in (item.start, item.stop, item.step))
    return kind in _STATIC


def parse_index(expression: Any, ndim: int) -> Index:
    """Return an index expression taken apart for a tensor of ``ndim`` dimensions.

    Raises IndexRangeError for too many indices and for what is no index.
    """
    if type(expression) is not tuple:
        expression = (expression,)
    if all(_is_static(item) for item in expression):
        return Index(expression, [], [])
    return _assemble([_plain(item) for item in expression], ndim)


def _plain(item: Any) -> Any:
    """Return an item as an int, a slice, None, Ellipsis, a truth value, a Tensor or an array."""
    if type(item) is slice:
        return slice(*(None if part is None else operator.index(part) for part in (item.start, item.stop, item.step)))
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return bool(item) if isinstance(item, np.bool_) else item
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, Tensor):
        _check_index_dtype(item.array.dtype)
        return item
    if isinstance(item, (np.ndarray, list, tuple, range)):
        return _as_positions(item)
    raise IndexRangeError(
        "index",
        f"a {type(item).__name__} is no index",
        "use ints, slices, ..., None, and tensors of integers or booleans",
    )


def _as_positions(item: Any) -> np.ndarray:
    if isinstance(item, (list, tuple)) and any(part is None or isinstance(part, slice) for part in item):
        raise IndexRangeError(
            "index", "a list with slices or None is no index", "index with a tuple, as in x[tuple(i)]"
        )
    if isinstance(item, range):
        return np.arange(item.start, item.stop, item.step)
    array = item if isinstance(item, np.ndarray) else tensor(list(item)).array
    if array.size == 0 and not isinstance(item, np.ndarray):
        array = array.astype(np.int64)
    _check_index_dtype(array.dtype)
    return array


def _check_index_dtype(dtype: np.dtype) -> None:
    if dtype == np.uint8:
        raise IndexRangeError(
            "index", "uint8 could be a mask or positions", "use .bool() for a mask, .long() for positions"
        )
    if dtype.kind not in "iub":
        raise IndexRangeError("index", f"a tensor of dtype {dtype} is no index", "convert it with .long() or .bool()")


def _consumed(item: Any) -> int:
    """Return how many dimensions an item of an index takes."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    array = getattr(item, "array", item)
    return array.ndim if isinstance(array, np.ndarray) and array.dtype.kind == "b" else 1


def _assemble(items: list, ndim: int) -> Index:
    taken = sum(_consumed(item) for item in items)
    if taken > ndim:
        raise IndexRangeError("index", f"{taken} indices for a tensor with {ndim} dimensions", "use fewer")
    layout: list = []
    arrays: list = []
    dims: list = []
    at = 0
    for item in items:
        if item is Ellipsis:
            layout += [slice(None)] * (ndim - taken)
            at += ndim - taken
            taken = ndim
        elif isinstance(item, int) and not isinstance(item, bool):
            layout.append(item)
        elif item is None or isinstance(item, slice):
            layout.append(item)
            at += 1
        else:
            mask = _mask_of_one(item)
            count = _consumed(item)
            layout += [None] if mask is not None else [slice(None)] * count
            arrays.append(item if mask is None else mask)
            dims.append(at)
            at += 1 if mask is not None else count
    if all(type(item) is slice and item == slice(None) for item in layout):
        layout = []
    return Index(tuple(layout), arrays, dims)


def _mask_of_one(item: Any) -> Any:
    """Return a truth value or a 0-d mask as a mask of one element, for the new dimension that it stands for; else None."""
    if isinstance(item, bool):
        return np.array([item])
    if item.ndim == 0 and item.dtype == np.bool_:
        return ops.reshape(item, shape=(1,))
    return None


def refuse_trace(who: str) -> None:
    """Tell a running trace that the shape of a result depends on values."""
    if STATE.tracer is not None:
        STATE.tracer.refuse(
            who,
            "the number of elements that a mask selects depends on values, which a program cannot follow",
            "keep the shape, as in where(mask, x, 0)",
        )


def _holds_mask(arrays: list) -> bool:
    return any(a.dtype == np.bool_ for a in arrays)


# -- x[...] -------------------------------------------------------------------------------------------------------------


def _getitem(self: Tensor, index: Any) -> Tensor:
    """Return the elements at an index: a view for ints, slices, None and Ellipsis, else a copy."""
    place = parse_index(index, self.array.ndim)
    out = self
    if place.layout or not place.arrays:
        try:
            out = apply(ops.index_view, (out,), {"layout": place.layout})
        except IndexRangeError as error:
            raise IndexRangeError(
                "index",
                f"{index!r} does not fit a tensor of shape {self.array.shape} ({error.what.split(': ', 1)[-1]})",
                "use an index in range",
            ) from None
    if place.arrays:
        if _holds_mask(place.arrays):
            refuse_trace("index")
        out = apply(ops.index, (out, *place.arrays), {"dims": place.dims})
    return out


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    """Write a value, broadcast and converted to this dtype, at an index."""
    put(self, parse_index(index, self.array.ndim), as_value(self, value), False, "__setitem__")


def put(target: Tensor, place: Index, value: Any, accumulate: bool, who: str) -> Tensor:
    """Write a value into a tensor at an index, in place, and return the tensor."""
    inputs = (target, value, *place.arrays)
    keywords = {"layout": place.layout, "dims": place.dims, "accumulate": accumulate}
    return write(target, ops.index_put, inputs, keywords, who)


def write(target: Tensor, primitive: Primitive, inputs: tuple, keywords: dict, who: str) -> Tensor:
    """Run a primitive in place on its first input, straight into its memory, and return that tensor."""
    _check_writable(who, target, inputs)
    if not target.array.flags.writeable:
        raise ShapeError(
            who,
            "several elements of this tensor share one place in memory, or it is read-only",
            "clone() it before writing",
        )
    if STATE.tracer is not None:
        STATE.tracer.before_write(target)
    return overwrite(target, apply(primitive, inputs, keywords, target), who)


def as_value(target: Tensor, value: Any) -> Any:
    """Return what is written: a number, or a tensor of the target's dtype without leading dimensions of size 1."""
    if isinstance(value, (int, float, complex)):
        return value
    if not isinstance(value, Tensor):
        return _without_ones(np.asarray(value).astype(target.array.dtype))
    if value.array.dtype != target.array.dtype:
        value = ops.cast(value, dtype=target.array.dtype)
    return _without_ones(value)


def _without_ones(value: Any) -> Any:
    if value.ndim == 0 or value.shape[0] != 1:
        return value
    kept = next((i for i, n in enumerate(value.shape) if n != 1), value.ndim)
    return ops.reshape(value, shape=tuple(value.shape[kept:]))


Tensor.__getitem__ = _getitem  # type: ignore[method-assign]
Tensor.__setitem__ = _setitem  # type: ignore[method-assign]
