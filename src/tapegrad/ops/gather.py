"""Indices along a dimension, one for every element of the result: gather and scatter, each other's adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive, tensor, wrap
from ..core.dispatch import apply
from ..errors import DTypeError, IndexRangeError, OptionError, ShapeError, UsageError
from .buffers import zeros
from .index import add_elements, check_range
from .shape import wrap_dim
from .subscript import write
from .views import broadcast_shapes

__all__ = ["gather", "scatter", "scatter_add", "take_along_dim"]


def _corner(who: str, shape: Any, index: Any, dim: int) -> tuple:
    """Return the slices of a shape that an index of another shape speaks of: all of ``dim``, the front of the others.

    Raises ShapeError when the index is larger, IndexRangeError when a position is out of range.
    """
    dim = wrap_dim(who, dim, len(shape))
    if index.dtype.kind in "iub" and not index.size:
        return tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    larger = [d for d, (n, m) in enumerate(zip(index.shape, shape, strict=False)) if n > m and d != dim]
    if index.ndim != len(shape) or larger:
        raise ShapeError(
            who,
            f"the index has shape {tuple(index.shape)}, the tensor {tuple(shape)}",
            f"it must have as many dimensions, none of them larger except dimension {dim}",
        )
    if index.dtype.kind not in "iu":
        raise DTypeError(who, f"the index has dtype {index.dtype}", "convert it with .long()")
    if index.ndim:
        check_range(who, index, shape[dim], dim)
    return tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))


def _positions(xp, shape, index, dim):
    """Return the flat position of every element that an index along a dimension speaks of."""
    flat, stride = 0, 1
    for d in reversed(range(len(shape))):
        along = (
            index if d == dim % len(shape) else xp.arange(index.shape[d]).reshape((-1,) + (1,) * (len(shape) - 1 - d))
        )
        flat = flat + along * stride
        stride *= shape[d]
    return xp.broadcast_to(flat, index.shape)


def _as_vectors(*arrays):
    """Return 0-d arrays as vectors of one element: along a dimension they behave as such."""
    return tuple(a.reshape(1) if getattr(a, "ndim", None) == 0 else a for a in arrays)


def _source(who: str, src: Any, index: Any, dtype: Any) -> Any:
    """Return the part of a source that an index speaks of, or the number.

    Raises DTypeError for a source of another dtype, ShapeError for one smaller than the index.
    """
    if not hasattr(src, "dtype"):
        return src
    if src.dtype != dtype:
        raise DTypeError(who, f"src is {src.dtype}, the input {dtype}", "convert one of them")
    if src.ndim != index.ndim or any(n < m for n, m in zip(src.shape, index.shape, strict=True)):
        raise ShapeError(who, f"src has shape {tuple(src.shape)}, the index {tuple(index.shape)}", "make src as large")
    return src[tuple(slice(n) for n in index.shape)]


@primitive(
    vjp=(lambda g, input_shape, index, dim: ops.scatter_sum(g, index, shape=input_shape, dim=dim), None),
    formula=r"x_{i_{jk} k}",
    derivative=r"1",
    onnx="GatherElements",
    samples=lambda: [
        Sample((3, 4), Array(2, 4, low=0, high=3, dtype="int64"), dim=0),
        Sample((3, 4), Array(2, 5, low=0, high=4, dtype="int64"), dim=-1),
        Sample((2, 3, 2), Array(2, 2, 1, low=0, high=3, dtype="int64"), dim=1),
        Sample((), Array(low=0, high=1, dtype="int64"), dim=0),
    ],
    errors=lambda: [
        ErrorSample(IndexRangeError, "out of bounds", (3,), Array(2, low=3, high=9, dtype="int64"), dim=0),
        ErrorSample(ShapeError, "as many dimensions", (3, 4), Array(2, low=0, high=2, dtype="int64"), dim=0),
    ],
    signature="input, dim, index",
)
def gather(xp, input, index, *, dim):  # type: ignore[no-redef]
    """Return, for every element of ``index``, the element of the input at that position along ``dim``."""
    array, positions = _as_vectors(input, index)
    corner = _corner("gather", array.shape, positions, dim)
    if not index.size:
        return xp.empty(index.shape, input.dtype)
    return xp.take_along_axis(array[corner], positions, axis=dim).reshape(index.shape)


_gather = gather


@function(methods="gather")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Return, for every element of ``index``, the element of the input at that position along ``dim``.

    Formula for dim 0 of a matrix: ``out[i, j] = input[index[i, j], j]``. The gradient is dense, whatever
    ``sparse_grad`` says. Raises IndexRangeError for a position out of range (negative ones too), ShapeError when
    ``index`` is larger than the input in another dimension.
    Source: https://pytorch.org/docs/stable/generated/torch.gather.html

    >>> import tapegrad as tg
    >>> tg.gather(tg.tensor([[1, 2], [3, 4]]), 1, tg.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    return _gather(input, dim, index)


@primitive(
    vjp=(lambda g, index, dim: ops.gather(g, index, dim=dim), None),
    formula=r"\sum_{i_{jk} = l} x_{jk}",
    derivative=r"1",
    onnx="ScatterElements",
    samples=lambda: [
        Sample((2, 4), Array(2, 4, low=0, high=3, dtype="int64"), shape=(3, 4), dim=0),
        Sample((2, 2, 1), Array(2, 2, 1, low=0, high=3, dtype="int64"), shape=(2, 3, 2), dim=1),
    ],
    torch="",
)
def scatter_sum(xp, input, index, *, shape, dim, out=None):
    """Return zeros of a shape with every element added at its position along ``dim``; equal positions add up."""
    result = zeros(xp, shape, input.dtype, out)
    add_elements(xp, result, _positions(xp, shape, index, dim) if shape else index, input)
    return result


def _source_gradient(g, index, src_shape, dim):
    taken = ops.gather(g, index, dim=dim)
    if taken.shape == src_shape:
        return taken
    return ops.index_place(taken, shape=src_shape, layout=tuple(slice(n) for n in taken.shape))


@primitive(
    vjp=(lambda g: g, None, _source_gradient),
    formula=r"x_l + \sum_{i_{jk} = l} s_{jk}",
    derivative=r"1, 1",
    onnx="ScatterElements",
    samples=lambda: [
        Sample((3, 4), Array(2, 4, low=0, high=3, dtype="int64"), (2, 4), dim=0),
        Sample((3, 4), Array(2, 3, low=0, high=4, dtype="int64"), (2, 3), dim=1),
        Sample((3, 4), Array(2, 0, low=0, high=4, dtype="int64"), (2, 0), dim=1),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "make src as large", (3,), Array(2, low=0, high=3, dtype="int64"), (1,), dim=0),
    ],
    signature="input, dim, index, src",
    methods="scatter_add",
    inplace=True,
)
def scatter_add(xp, input, index, src, *, dim, out=None):
    """Return the input with every element of ``src`` added at its position along ``dim``; equal positions add up.

    Formula for dim 0 of a matrix: ``out[index[i, j], j] += src[i, j]``.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html

    >>> import tapegrad as tg
    >>> tg.scatter_add(tg.zeros(3), 0, tg.tensor([0, 2, 0]), tg.ones(3))
    tensor([2., 0., 1.])
    """
    if out is None:
        out = xp.array(input)
    elif out is not input:
        out[...] = input
    target, positions, source = _as_vectors(out, index, src)
    _corner("scatter_add", target.shape, positions, dim)
    part = _source("scatter_add", source, positions, target.dtype)
    add_elements(xp, target, _positions(xp, target.shape, positions, dim), part)
    return out


@primitive(
    vjp=(lambda g, index, dim: ops.put_along_dim(g, index, 0, dim=dim), None, _source_gradient),
    formula=r"x_{i_{jk} k} \leftarrow s_{jk}",
    derivative=r"[l \notin i], 1",
    onnx="ScatterElements",
    samples=lambda: [
        Sample((3, 4), Array(1, 4, low=0, high=3, dtype="int64"), (1, 4), dim=0),
        Sample((3, 4), Array(2, 1, low=0, high=4, dtype="int64"), 0.5, dim=-1),
    ],
    signature="input, dim, index, src",
    torch="scatter",
)
def put_along_dim(xp, input, index, src, *, dim, out=None):
    """Return the input with the elements of ``src``, or one number, written at their positions along ``dim``.

    Gradients are right where no position is written twice.
    """
    if out is None:
        out = xp.array(input)
    elif out is not input:
        out[...] = input
    target, positions, source = _as_vectors(out, index, src)
    corner = _corner("scatter", target.shape, positions, dim)
    xp.put_along_axis(target[corner], positions, _source("scatter", source, positions, target.dtype), axis=dim)
    return out


def _scatter_call(who: str, input: Tensor, dim: int, index: Tensor, src: Any, value: Any, reduce: str | None) -> tuple:
    """Return the primitive, inputs and keywords of a call of ``scatter``."""
    if (src is None) == (value is None):
        raise UsageError(who, "needs either src or value", "give a tensor or a number")
    if reduce not in (None, "add"):
        raise OptionError(who, f"reduce is '{reduce}'", "leave it out, or use 'add'")
    source = value if src is None else src
    if reduce is None:
        return ops.put_along_dim, (input, index, source), {"dim": dim}
    if not isinstance(source, Tensor):
        source = ops.expand(ops.cast(tensor(source), dtype=input.dtype), shape=tuple(index.shape))
    return ops.scatter_add, (input, index, source), {"dim": dim}


@function(methods="scatter")
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """Return the input with the elements of ``src``, or one ``value``, written at their positions along ``dim``.

    Formula for dim 0 of a matrix: ``out[index[i, j], j] = src[i, j]``; with ``reduce="add"`` they are added to what is
    there. Gradients are right where no position is written twice.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html

    >>> import tapegrad as tg
    >>> tg.scatter(tg.zeros(2, 3), 1, tg.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    operation, inputs, keywords = _scatter_call("scatter", input, dim, index, src, value, reduce)
    return apply(operation, inputs, keywords)


def _scatter_(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """In-place version of :meth:`scatter`."""
    operation, inputs, keywords = _scatter_call("scatter_", self, dim, index, src, value, reduce)
    return write(self, operation, inputs, keywords, "scatter_")


Tensor.scatter_ = _scatter_  # type: ignore[attr-defined]


@function(methods="take_along_dim")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return the elements at positions along a dimension, input and indices broadcast in the others.

    Without ``dim`` both are flattened. Negative positions count from the end.
    Source: https://pytorch.org/docs/stable/generated/torch.take_along_dim.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[3, 1], [2, 4]])
    >>> tg.take_along_dim(x, x.argsort(dim=1), dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if dim is None:
        return take_along_dim(ops.reshape(input, shape=(-1,)), ops.reshape(indices, shape=(-1,)), 0)
    if input.ndim != indices.ndim:
        raise ShapeError(
            "take_along_dim",
            f"input has {input.ndim} dimensions, indices {indices.ndim}",
            "give both the same number",
        )
    place = wrap_dim("take_along_dim", dim, input.ndim)
    sizes = [1 if d == place else n for d, n in enumerate(indices.shape)]
    stretched = ops.expand(input, shape=tuple(broadcast_shapes(input.shape, sizes)))
    grid = [
        indices if d == place else wrap(np.arange(n).reshape((-1,) + (1,) * (input.ndim - 1 - d)))
        for d, n in enumerate(stretched.shape)
    ]
    return ops.index(stretched, *grid, dims=tuple(range(input.ndim)))
