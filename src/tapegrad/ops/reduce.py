"""Reductions over one dimension, several, or all: sums, products, the largest, and where they are.

``sum``, ``mean`` and ``prod`` are the bare primitives: the functions of that name, with their ``dtype``, are in totals.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, EmptyError, IndexRangeError, ShapeError
from .buffers import add_up, into, ones
from .shape import wrap_dim

__all__ = ["amax", "amin", "argmax", "argmin", "logsumexp"]


def axis_of(who: str, ndim: int, dim: Any) -> Any:
    """Return NumPy's axis for ``dim``: no dimensions mean all, and a 0-d tensor may be reduced over dimension 0.

    Raises IndexRangeError for a dimension that a 0-d tensor does not have.
    """
    if dim is None or dim == ():
        return None
    if ndim:
        return dim
    for d in dim if isinstance(dim, tuple) else (dim,):
        wrap_dim(who, d, 0)
    return None


def accumulator(dtype: Any) -> str | None:
    """Return the dtype to add or multiply in: int64 for integers, float32 for float16, None for the dtype itself."""
    return "int64" if dtype.kind in "biu" else "float32" if dtype == "float16" else None


def narrowed(xp: Any, result: Any, dtype: Any) -> Any:
    """Return a result that was accumulated in a wider dtype in the input's dtype, unless that is an integer."""
    if dtype.kind in "biu" or result.dtype == dtype:
        return result
    with xp.errstate(over="ignore"):
        return result.astype(dtype)


def reduced_count(input_shape: tuple, out_shape: tuple) -> int:
    """Return how many elements each element of a reduction was made of."""
    return math.prod(input_shape) // (math.prod(out_shape) or 1)


def count_along(shape: tuple, axis: Any) -> int:
    """Return how many elements are reduced to one over NumPy's axis."""
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[d] for d in axis) if isinstance(axis, tuple) else shape[axis]


def _reductions():
    yield Sample((3, 4))
    yield Sample((3, 4), dim=1)
    yield Sample((2, 3, 4), dim=(0, -1))
    yield Sample((3, 4), dim=0, keepdim=True)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=1)


def bad_dimensions() -> Iterator[ErrorSample]:
    """Yield calls over dimensions that there are not."""
    yield ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim=2)
    yield ErrorSample(IndexRangeError, "dimension 1", (), dim=1)
    yield ErrorSample(ShapeError, "duplicate", (2, 3), dim=(0, 0))


# -- sums and means -----------------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, input_shape, dim, keepdim: ops.expand_reduced(g, shape=input_shape, dim=dim, keepdim=keepdim),),
    formula=r"\sum_i x_i",
    derivative=r"1",
    onnx="ReduceSum",
    samples=lambda: [*_reductions(), Sample((0, 3), dim=0)],
    errors=bad_dimensions,
)
def sum(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the sum over one dimension, several, or all. Integers and bool give int64."""
    axis = axis_of("sum", input.ndim, dim)
    if input.ndim == 2 and input.dtype.char in "fd":
        # A reduction costs NumPy several times a product with ones, but for the sum of all.
        if axis in (0, -2):
            along = ones(xp, input.shape[0], input.dtype)
            return xp.matmul(along[None] if keepdim else along, input, out=out)
        if axis in (1, -1):
            along = ones(xp, input.shape[1], input.dtype)
            return xp.matmul(input, along[:, None] if keepdim else along, out=out)
    if input.dtype.kind in "fc" and input.dtype.char != "e":
        if axis is None or input.ndim < 3:
            return xp.add.reduce(input, axis, None, out, keepdim)
        return add_up(xp, input, axis, keepdim, out)
    result = xp.add.reduce(input, axis, accumulator(input.dtype), None, keepdim)
    return into(out, narrowed(xp, result, input.dtype))


@primitive(
    view=True,
    vjp=(lambda g, dim, keepdim: ops.sum(g, dim=dim, keepdim=keepdim),),
    formula=r"x",
    samples=lambda: [
        Sample((3,), shape=(3, 4), dim=1),
        Sample((1, 1), shape=(3, 4), dim=(0, 1), keepdim=True),
        Sample((), shape=(2, 2)),
        Sample((), shape=(), dim=0),
    ],
    torch="",
)
def expand_reduced(xp, input, *, shape, dim=None, keepdim=False):
    """Return a reduction's result stretched back over the dimensions that it was reduced over."""
    if not keepdim and dim is not None and shape:
        input = xp.expand_dims(input, tuple(d % len(shape) for d in (dim if isinstance(dim, tuple) else (dim,))))
    return xp.broadcast_to(input, shape)


def _check_floating(who: str, dtype: Any) -> None:
    if dtype.kind in "biu":
        raise DTypeError(who, f"the input has dtype {dtype}", "convert it with .float(), or pass dtype=")


def _mean_gradient(g, input_shape, dim, keepdim):
    share = g * (1 / (reduced_count(input_shape, g.shape) or 1))
    return ops.expand_reduced(share, shape=input_shape, dim=dim, keepdim=keepdim)


@primitive(
    vjp=(_mean_gradient,),
    formula=r"\frac{1}{n} \sum_i x_i",
    derivative=r"1 / n",
    onnx="ReduceMean",
    samples=_reductions,
    errors=lambda: [*bad_dimensions(), ErrorSample(DTypeError, "int64", Array(2, low=0, high=9, dtype="int64"))],
)
def mean(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the mean over one dimension, several, or all. Raises DTypeError for integers and bool."""
    _check_floating("mean", input.dtype)
    axis = axis_of("mean", input.ndim, dim)
    with xp.errstate(invalid="ignore"):
        if input.dtype.char == "e":
            total = xp.add.reduce(input, axis, xp.float32, None, keepdim)
            return into(out, narrowed(xp, total / count_along(input.shape, axis), input.dtype))
        if axis is None:
            total = xp.add.reduce(input, None, None, None, keepdim)
        else:
            total = add_up(xp, input, axis, keepdim, None)
        return xp.true_divide(total, count_along(input.shape, axis), out=out)


# -- products -----------------------------------------------------------------------------------------------------------


def _prod_gradient(g, input, dim, keepdim):
    """The product of all other elements: of those before and those behind, so that zeros need no division."""
    row = ops.reshape(input, shape=(-1,)) if dim is None else input
    along = 0 if dim is None else dim
    before = ops.cumprod(row, dim=along, exclusive=True)
    others = before * ops.cumprod(row, dim=along, exclusive=True, reverse=True)
    return ops.expand_reduced(g, shape=input.shape, dim=dim, keepdim=keepdim) * ops.reshape(others, shape=input.shape)


@primitive(
    vjp=(_prod_gradient,),
    formula=r"\prod_i x_i",
    derivative=r"\prod_{j \ne i} x_j",
    onnx="ReduceProd",
    samples=lambda: [
        Sample((3, 4)),
        Sample((3, 4), dim=1),
        Sample((3, 4), dim=0, keepdim=True),
        Sample((), dim=0),
        Sample((0, 3), dim=0),
    ],
    errors=lambda: [ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim=2)],
)
def prod(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the product over one dimension, or all. Integers and bool give int64."""
    axis = axis_of("prod", input.ndim, dim)
    with xp.errstate(over="ignore", invalid="ignore"):
        if input.dtype.kind in "fc" and input.dtype.char != "e":
            return xp.multiply.reduce(input, axis, None, out, keepdim)
        result = xp.multiply.reduce(input, axis, accumulator(input.dtype), None, keepdim)
    return into(out, narrowed(xp, result, input.dtype))


# -- the largest and the smallest ---------------------------------------------------------------------------------------


def _among_ties(g, input, out, dim, keepdim):
    """Return the gradient of a reduction that picks an element: all elements equal to it have an equal share."""
    stretched = ops.expand_reduced(out, shape=input.shape, dim=dim, keepdim=keepdim)
    picked = ops.cast(input == stretched, dtype=g.dtype)
    share = g / ops.sum(picked, dim=dim, keepdim=keepdim)
    return picked * ops.expand_reduced(share, shape=input.shape, dim=dim, keepdim=keepdim)


def _refuse_empty(who, input, axis):
    """Raise EmptyError where there is nothing to choose from."""
    if not input.size and not count_along(input.shape, axis):
        raise EmptyError(who, f"zero-size: shape {input.shape} has no element along {axis}", "reduce other dimensions")


def _extremes():
    yield Sample(Array(3, 4, distinct=True))
    yield Sample(Array(3, 4, distinct=True), dim=1)
    yield Sample(Array(2, 3, 2, distinct=True), dim=(0, 2), keepdim=True)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=1)
    yield Sample(Array(3, 4, low=0, high=9, dtype="int64"), dim=0)


@primitive(
    vjp=(_among_ties,),
    formula=r"\max_i x_i",
    derivative=r"[x_i = \max_j x_j] / n",
    onnx="ReduceMax",
    samples=_extremes,
    errors=lambda: [*bad_dimensions(), ErrorSample(ShapeError, "zero-size", (0, 3))],
    methods="amax",
)
def amax(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the largest element over one dimension, several, or all; nan if there is one.

    Equal largest elements share the gradient.
    Source: https://pytorch.org/docs/stable/generated/torch.amax.html

    >>> import tapegrad as tg
    >>> tg.amax(tg.tensor([[1, 5], [4, 2]]), dim=1)
    tensor([5, 4])
    """
    axis = axis_of("amax", input.ndim, dim)
    _refuse_empty("amax", input, axis)
    return xp.maximum.reduce(input, axis, None, out, keepdim)


@primitive(
    vjp=(_among_ties,),
    formula=r"\min_i x_i",
    derivative=r"[x_i = \min_j x_j] / n",
    onnx="ReduceMin",
    samples=_extremes,
    errors=lambda: [*bad_dimensions(), ErrorSample(ShapeError, "zero-size", (0, 3))],
    methods="amin",
)
def amin(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the smallest element over one dimension, several, or all; nan if there is one.

    Equal smallest elements share the gradient.
    Source: https://pytorch.org/docs/stable/generated/torch.amin.html

    >>> import tapegrad as tg
    >>> tg.amin(tg.tensor([[1, 5], [4, 2]]), dim=1)
    tensor([1, 2])
    """
    axis = axis_of("amin", input.ndim, dim)
    _refuse_empty("amin", input, axis)
    return xp.minimum.reduce(input, axis, None, out, keepdim)


def _positions():
    return [s for s in _extremes() if not isinstance(s.keywords.get("dim"), tuple)]


@primitive(
    formula=r"\arg\max_i x_i",
    onnx="ArgMax",
    samples=lambda: [*_positions(), Sample(Array(3, 4, distinct=True), dim=1, keepdim=True)],
    errors=lambda: [ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim=2)],
    methods="argmax",
)
def argmax(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the position of the largest element along a dimension, or in the flattened tensor; the first of equal ones.

    Source: https://pytorch.org/docs/stable/generated/torch.argmax.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1, 5], [4, 2]])
    >>> tg.argmax(x), tg.argmax(x, dim=1)
    (tensor(1), tensor([1, 0]))
    """
    return xp.argmax(input, axis_of("argmax", input.ndim, dim), out=out, keepdims=keepdim)


@primitive(
    formula=r"\arg\min_i x_i",
    onnx="ArgMin",
    samples=lambda: [*_positions(), Sample(Array(3, 4, distinct=True), dim=1, keepdim=True)],
    errors=lambda: [ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim=2)],
    methods="argmin",
)
def argmin(xp, input, *, dim=None, keepdim=False, out=None):
    """Return the position of the smallest element along a dimension, or in the flattened tensor; the first of equal ones.

    Source: https://pytorch.org/docs/stable/generated/torch.argmin.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1, 5], [4, 2]])
    >>> tg.argmin(x), tg.argmin(x, dim=1)
    (tensor(0), tensor([0, 1]))
    """
    return xp.argmin(input, axis_of("argmin", input.ndim, dim), out=out, keepdims=keepdim)


@primitive(
    vjp=(lambda g, input, out: _among_ties(g, input, out, None, False),),
    formula=r"x_{(\lfloor (n - 1) / 2 \rfloor)}",
    derivative=r"[x_i = m] / n",
    samples=lambda: [
        Sample(Array(3, 4, distinct=True)),
        Sample(Array(5, distinct=True)),
        Sample(()),
        Sample(Array(7, low=0, high=4, dtype="int64")),
    ],
)
def median(xp, input):
    """Return the middle element of all, the lower of two; nan if there is one, or no element."""
    flat = input.reshape(-1)
    if flat.dtype.kind == "f" and (not flat.size or xp.isnan(flat).any()):
        return xp.full((), xp.nan, flat.dtype)
    middle = (flat.size - 1) // 2
    return xp.asarray(xp.partition(flat, middle)[middle])


# -- the logarithm of a sum of exponentials -----------------------------------------------------------------------------


def _logsumexp_gradient(g, input, out, dim, keepdim):
    stretched = ops.expand_reduced(out, shape=input.shape, dim=dim, keepdim=keepdim)
    return ops.expand_reduced(g, shape=input.shape, dim=dim, keepdim=keepdim) * ops.exp(input - stretched)


@primitive(
    promote="float",
    vjp=(_logsumexp_gradient,),
    formula=r"\ln \sum_i e^{x_i}",
    derivative=r"e^{x_i} / \sum_j e^{x_j}",
    onnx="ReduceLogSumExp",
    samples=lambda: [
        Sample((3, 4), dim=1),
        Sample((2, 3, 4), dim=(0, -1)),
        Sample((3, 4), dim=0, keepdim=True),
        Sample((), dim=0),
        Sample((0, 3), dim=1),
    ],
    errors=bad_dimensions,
    methods="logsumexp",
)
def logsumexp(xp, input, *, dim, keepdim=False, out=None):
    """Return the logarithm of the sum of exponentials over one dimension or several, without overflow.

    Source: https://pytorch.org/docs/stable/generated/torch.logsumexp.html

    >>> import tapegrad as tg
    >>> tg.logsumexp(tg.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6932)
    """
    axis = axis_of("logsumexp", input.ndim, dim)
    top = xp.maximum.reduce(input.real, axis, None, None, True, -math.inf)
    top = xp.where(xp.isfinite(top), top, 0)
    power = xp.subtract(input, top)
    total = xp.add.reduce(xp.exp(power), axis, None, None, keepdim)
    with xp.errstate(divide="ignore"):
        return xp.add(xp.log(total), top.reshape(total.shape), out=out)
