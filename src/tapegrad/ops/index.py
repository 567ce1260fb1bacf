"""Reading and writing at an index. How an index expression is read is in ``subscript``, indices along a dimension in ``gather``.

An index has a static part, the ``layout`` (ints, slices, None and Ellipsis: a view in NumPy), and arrays of positions or
masks, which are inputs, since they are data: they apply to the dimensions ``dims`` of what the layout gives.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import IndexRangeError, PositionError, ShapeError
from .buffers import zeros

__all__: list[str] = []

# Rows are added in pieces of about this many elements, so that their positions stay in the cache.
_PIECE = 1 << 18


# -- static: a view -----------------------------------------------------------------------------------------------------


def _whole(layout):
    """Return a layout that gives a view even when it names one element: NumPy makes a number of it otherwise."""
    return layout if any(item is Ellipsis for item in layout) else (*layout, Ellipsis)


@primitive(
    view=True,
    vjp=(lambda g, input_shape, layout: ops.index_place(g, shape=input_shape, layout=layout),),
    formula=r"x_i",
    derivative=r"1",
    onnx="Slice",
    samples=lambda: [
        Sample((3, 4), layout=(1,)),
        Sample((3, 4), layout=(slice(None), -1)),
        Sample((3, 4), layout=(slice(2, None), slice(None, None, 2))),
        Sample((3, 4), layout=(None, Ellipsis, slice(0, 0))),
        Sample((3,), layout=(2,)),
    ],
    errors=lambda: [
        ErrorSample(IndexRangeError, "index 3 is out of bounds", (3,), layout=(3,)),
        ErrorSample(IndexRangeError, "too many indices", (3,), layout=(0, 0)),
    ],
    torch="",
)
def index_view(xp, input, *, layout):
    """Return the view that an index of ints, slices, None and Ellipsis gives."""
    return input[_whole(layout)]


@primitive(
    vjp=(lambda g, layout: ops.index_view(g, layout=layout),),
    formula=r"\delta_i x",
    derivative=r"1",
    samples=lambda: [
        Sample((4,), shape=(3, 4), layout=(1,)),
        Sample((1, 2), shape=(3, 4), layout=(slice(2, None), slice(None, None, 2))),
        Sample((), shape=(3,), layout=(2,)),
    ],
    torch="",
)
def index_place(xp, input, *, shape, layout, out=None):
    """Return zeros of a shape with the input at an index of ints, slices, None and Ellipsis."""
    result = zeros(xp, shape, input.dtype, out)
    result[layout] = input
    return result


# -- arrays of positions and masks --------------------------------------------------------------------------------------


def _is_mask(index):
    return index.dtype.kind == "b"


def _select_scalars(array, indices, dims):
    """Return the view that the 0-d positions select, and the other indices with their dimensions in it.

    PyTorch takes 0-d positions before the others; NumPy would broadcast them together.
    """
    if all(i.ndim for i in indices):
        return array, indices, dims
    layout: list = [slice(None)] * array.ndim
    scalars = [d for i, d in zip(indices, dims, strict=True) if i.ndim == 0]
    for index, dim in zip(indices, dims, strict=True):
        if index.ndim == 0:
            layout[dim] = int(index)
    rest = [(i, d - sum(s < d for s in scalars)) for i, d in zip(indices, dims, strict=True) if i.ndim]
    return array[(*layout, ...)], [i for i, _ in rest], [d for _, d in rest]


def _key(indices, dims):
    """Return NumPy's index for positions and masks at the given dimensions."""
    key: list = []
    at = 0
    for index, dim in zip(indices, dims, strict=True):
        key += [slice(None)] * (dim - at) + [index]
        at = dim + (index.ndim if _is_mask(index) else 1)
    return tuple(key) if key else Ellipsis


@primitive(
    vjp=lambda g, input_shape, indices, dims: (
        ops.index_sum(g, *indices, dims=dims, shape=input_shape),
        *(None for _ in indices),
    ),
    formula=r"x_{i_1, i_2, \dots}",
    derivative=r"1",
    onnx="GatherND",
    samples=lambda: [
        Sample((4, 3), Array(5, low=-4, high=4, dtype="int64"), dims=(0,)),
        Sample((2, 4, 3), Array(2, 3, low=0, high=4, dtype="int32"), dims=(1,)),
        Sample((4, 3), Array(5, low=0, high=4, dtype="int64"), Array(5, low=-3, high=3, dtype="int64"), dims=(0, 1)),
        Sample(
            (4, 2, 3), Array(2, 1, high=4, dtype="int64", low=0), Array(3, low=0, high=3, dtype="int64"), dims=(0, 2)
        ),
        Sample((4, 3), Array(4, 3, dtype=bool), dims=(0,)),
        Sample((2, 4, 3), Array(4, dtype=bool), dims=(1,)),
        Sample((3, 2, 2), Array(low=0, high=3, dtype="int64"), Array(2, low=0, high=2, dtype="int64"), dims=(0, 2)),
    ],
    errors=lambda: [
        ErrorSample(IndexRangeError, "out of bounds", (3,), Array(2, low=3, high=9, dtype="int64"), dims=(0,)),
        ErrorSample(IndexRangeError, "boolean index did not match", (3,), Array(4, dtype=bool), dims=(0,)),
    ],
    torch="",
)
def index(xp, input, *indices, dims):
    """Return a copy of the elements at arrays of positions, or where masks are true, in the dimensions ``dims``."""
    view, indices, dims = _select_scalars(input, indices, dims)
    if len(indices) == 1 and not _is_mask(indices[0]):
        return xp.take(view, indices[0], axis=dims[0])
    return xp.array(view) if not indices else view[_key(indices, dims)]


@primitive(
    vjp=lambda g, indices, dims: (ops.index(g, *indices, dims=dims), *(None for _ in indices)),
    formula=r"\sum_{i_k = j} x_k",
    derivative=r"1",
    onnx="ScatterND",
    samples=lambda: [
        Sample((5, 3), Array(5, low=-4, high=4, dtype="int64"), dims=(0,), shape=(4, 3)),
        Sample((2, 2, 3, 3), Array(2, 3, low=0, high=4, dtype="int32"), dims=(1,), shape=(2, 4, 3)),
        Sample(
            (5,),
            Array(5, low=0, high=4, dtype="int64"),
            Array(5, low=-3, high=3, dtype="int64"),
            dims=(0, 1),
            shape=(4, 3),
        ),
        Sample(
            (2, 3, 2),
            Array(2, 1, low=0, high=4, dtype="int64"),
            Array(3, low=0, high=3, dtype="int64"),
            dims=(0, 2),
            shape=(4, 2, 3),
        ),
        Sample(
            (2, 2),
            Array(low=0, high=3, dtype="int64"),
            Array(2, low=0, high=2, dtype="int64"),
            dims=(0, 2),
            shape=(3, 2, 2),
        ),
    ],
    torch="",
)
def index_sum(xp, input, *indices, dims, shape, out=None):
    """Return zeros of a shape with every element of the input added at its index; equal indices add up."""
    result = zeros(xp, shape, input.dtype, out)
    add_at(xp, result, indices, dims, input)
    return result


def _index_put_gradients(g, value_shape, indices, layout, dims, accumulate, needs):
    kept = written = None
    if needs[0]:
        kept = g if accumulate else ops.index_put(g, 0, *indices, layout=layout, dims=dims)
    if needs[1]:
        region = ops.index_view(g, layout=layout) if layout else g
        written = ops.sum_to(ops.index(region, *indices, dims=dims) if indices else region, shape=value_shape)
    return kept, written, *(None for _ in indices)


@primitive(
    vjp=_index_put_gradients,
    formula=r"x_i \leftarrow v",
    derivative=r"[j \notin i], 1",
    onnx="ScatterND",
    samples=lambda: [
        Sample((3, 4), (4,), layout=(1,)),
        Sample((3, 4), 0.5, layout=(slice(None), slice(1, 3))),
        Sample((3, 4), (), layout=(0, 2)),
        Sample((5, 3), (3,), Array(low=0, high=5, dtype="int64"), dims=(0,)),
        Sample((4, 3), (), Array(4, 3, dtype=bool), dims=(0,)),
        Sample((4, 3), (3, 3), Array(3, low=0, high=4, dtype="int64"), dims=(0,), accumulate=True),
        Sample((4, 3, 2), (2,), Array(5, low=0, high=3, dtype="int64"), layout=(1,), dims=(0,), accumulate=True),
    ],
    errors=lambda: [ErrorSample(ShapeError, "could not (be )?broadcast", (3, 4), (3,), layout=(1,))],
    torch="",
)
def index_put(xp, input, value, *indices, layout=(), dims=(), accumulate=False, out=None):
    """Return a copy of the input with ``value``, broadcast, at an index: instead of what is there, or added to it.

    Without ``accumulate`` the last value counts where positions are equal, and so do all gradients.
    """
    if out is None:
        out = xp.array(input)
    elif out is not input:
        out[...] = input
    region = out[_whole(layout)] if layout else out
    if accumulate:
        add_at(xp, region, indices, dims, value)
    else:
        view, indices, dims = _select_scalars(region, indices, dims)
        view[_key(indices, dims)] = value
    return out


# -- adding where positions may be equal --------------------------------------------------------------------------------


def add_at(xp: Any, out: Any, indices: Any, dims: Any, values: Any) -> None:
    """Add values, broadcast, to an array at positions and masks: equal positions add up.

    Positions become rows of a matrix, to whose elements the values are added one by one.
    Raises IndexRangeError for positions out of range.
    """
    values = xp.asarray(values, out.dtype)
    view, indices, dims = _select_scalars(out, indices, dims)
    if not indices or (len(indices) == 1 and _is_mask(indices[0])):
        view[_key(indices, dims)] += values
        return
    indices, dims = _without_masks(view.shape, indices, dims)
    front = xp.moveaxis(view, dims, range(len(dims)))
    rows = _rows(xp, indices, [view.shape[d] for d in dims], dims)
    rest = front.shape[len(dims) :]
    adjacent = list(dims) == list(range(dims[0], dims[0] + len(dims)))
    place = dims[0] if adjacent else 0
    shape = rest[:place] + rows.shape + rest[place:]
    values = xp.broadcast_to(values, shape) if values.shape != shape else values
    values = xp.moveaxis(values, range(place, place + rows.ndim), range(rows.ndim))
    target = front if front.flags.c_contiguous else xp.zeros(front.shape, front.dtype)
    _add_rows(xp, target.reshape(-1), rows.reshape(-1), math.prod(rest), values.reshape(-1))
    if target is not front:
        front += target


def _without_masks(shape, indices, dims):
    """Return positions alone: a mask becomes the positions of its true elements, one array for each of its dimensions."""
    flat = []
    for i, d in zip(indices, dims, strict=True):
        if _is_mask(i) and i.shape != shape[d : d + i.ndim]:
            raise IndexRangeError(
                "index", f"a mask of shape {i.shape} does not fit {shape} at dimension {d}", "make it fit"
            )
        flat += [(part, d + k) for k, part in enumerate(i.nonzero())] if _is_mask(i) else [(i, d)]
    return [i for i, _ in flat], [d for _, d in flat]


def _rows(xp, indices, sizes, dims):
    """Return positions in several dimensions as one number each, row-major."""
    rows: Any = 0
    for i, n, d in zip(indices, sizes, dims, strict=True):
        check_range("index", i, n, d, -n)
        rows = rows * n + xp.where(i < 0, i + n, i).astype(xp.int64)
    return rows


def check_range(who: str, positions: Any, size: int, dim: int, lowest: int = 0) -> None:
    """Raise IndexRangeError unless all positions lie from ``lowest`` to ``size - 1``."""
    if positions.size and (positions.min() < lowest or positions.max() >= size):
        low, high = int(positions.min()), int(positions.max())
        raise PositionError(
            who,
            f"index {low if low < lowest else high} is out of bounds for dimension {dim} with size {size}",
            f"use {lowest} to {size - 1}",
        )


def _add_rows(xp, flat, rows, width, values):
    if width == 1:
        xp.add.at(flat, rows, values)
        return
    columns = xp.arange(width)
    step = max(1, _PIECE // max(width, 1))
    for start in range(0, len(rows), step):
        positions = rows[start : start + step, None] * width + columns
        xp.add.at(flat, positions.reshape(-1), values[start * width : (start + step) * width])


def add_elements(xp: Any, out: Any, positions: Any, values: Any) -> None:
    """Add values to an array at flat positions: equal positions add up."""
    if out.flags.c_contiguous:
        xp.add.at(out.reshape(-1), positions.reshape(-1), values.reshape(-1))
        return
    added = xp.zeros(out.size, out.dtype)
    xp.add.at(added, positions.reshape(-1), values.reshape(-1))
    out += added.reshape(out.shape)
