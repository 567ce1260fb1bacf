"""Softmax and its logarithm, each in one step that does not overflow."""

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, IndexRangeError
from .buffers import add_up, into, ones

__all__: list[str] = []

# Rows shorter than this are reduced column by column: NumPy's reduction of a row costs about as much as 30 elements.
_SHORT_ROW = 32


def _centred(xp, x, dim, out):
    """Return x minus its maximum along a dimension."""
    if dim % x.ndim == x.ndim - 1 and x.shape[-1] <= _SHORT_ROW:
        columns = xp.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
        top = xp.maximum.reduce(columns, 0).reshape(*x.shape[:-1], 1)
    else:
        top = xp.maximum.reduce(x, dim, None, None, True)
    return xp.subtract(x, top, out=out)


def _sums(xp, x, dim):
    """Return the sums along a dimension, which stays with size 1."""
    if dim % x.ndim != x.ndim - 1:
        return add_up(xp, x, dim, True, None)
    # A product with ones is several times faster than a reduction.
    return (x.reshape(-1, x.shape[-1]) @ ones(xp, x.shape[-1], x.dtype)).reshape(*x.shape[:-1], 1)


def _buffer(out, like):
    """Return ``out`` when a result can be computed in it, else None."""
    return out if out is not None and out.dtype == like.dtype and out.shape == like.shape else None


def finish(result, input, out):
    """Return a result in the input's shape and dtype, in ``out`` if there is one."""
    return result if result is out else into(out, result.reshape(input.shape).astype(input.dtype, copy=False))


def _widened(xp, x, dim):
    """Return the input in the precision to compute in, at least one-dimensional, and the dimension in it."""
    if x.dtype.kind != "f":
        raise DTypeError("softmax", f"the input has dtype {x.dtype}", "make it floating-point, e.g. with .float()")
    wide = x.astype(xp.float32) if x.dtype == xp.float16 else x
    if x.ndim == 0 and dim in (-1, 0):
        return wide.reshape(1), 0
    if not -x.ndim <= dim < x.ndim:
        raise IndexRangeError(
            "softmax", f"dimension {dim} is out of range for shape {tuple(x.shape)}", f"use {-x.ndim} to {x.ndim - 1}"
        )
    return wide, dim


def _softmax_samples():
    yield Sample((3, 4), dim=1)
    yield Sample((3, 4), dim=0)
    yield Sample((2, 40), dim=-1)
    yield Sample((2, 3, 4), dim=1)
    yield Sample((2, 3, 4), dim=-1)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=1)
    yield Sample((3, 0), dim=1)


def _softmax_errors():
    yield ErrorSample(IndexRangeError, "dimension 2 is out of range", (2, 3), dim=2)
    yield ErrorSample(DTypeError, "make it floating-point", Array(3, dtype="int64"), dim=0)


def _softmax_gradient(g, out, dim):
    """The gradient y (g - sum(g y))."""
    return out * (g - ops.sum(g * out, dim=dim, keepdim=True))


@primitive(
    vjp=(_softmax_gradient,),
    formula=r"e^{x_i} / \sum_j e^{x_j}",
    derivative=r"y_i ([i = j] - y_j)",
    onnx="Softmax",
    samples=_softmax_samples,
    errors=_softmax_errors,
)
def softmax(xp, input, *, dim, out=None):
    """Return positive numbers that sum to 1 along a dimension, in proportion to the exponentials of the elements."""
    wide, dim = _widened(xp, input, dim)
    if input.size == 0:
        return xp.zeros(input.shape, input.dtype) if out is None else out
    with xp.errstate(invalid="ignore"):
        result = _centred(xp, wide, dim, _buffer(out, wide))
        xp.exp(result, out=result)
        result /= _sums(xp, result, dim)
    return finish(result, input, out)


@primitive(
    vjp=(lambda g, out, dim: g - ops.exp(out) * ops.sum(g, dim=dim, keepdim=True),),
    formula=r"x_i - \ln \sum_j e^{x_j}",
    derivative=r"[i = j] - e^{y_j}",
    onnx="LogSoftmax",
    samples=_softmax_samples,
    errors=_softmax_errors,
)
def log_softmax(xp, input, *, dim, out=None):
    """Return the logarithm of :func:`softmax`, exact where that underflows to 0."""
    wide, dim = _widened(xp, input, dim)
    if input.size == 0:
        return xp.zeros(input.shape, input.dtype) if out is None else out
    # What is far below the largest overflows to -∞ in half precision.
    with xp.errstate(invalid="ignore", over="ignore"):
        result = _centred(xp, wide, dim, _buffer(out, wide))
        result -= xp.log(_sums(xp, xp.exp(result), dim))
        return finish(result, input, out)
