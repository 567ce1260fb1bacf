"""Spread and counts: variance and standard deviation, histograms, distinct values.

``var`` and ``std`` are the bare primitives: the functions of that name, with PyTorch's older arguments, are in spread.py.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, OptionError, ShapeError
from .buffers import add_up, into
from .reduce import axis_of, reduced_count

__all__ = ["bincount", "histc", "unique"]


# -- variance -----------------------------------------------------------------------------------------------------------


def _spread_samples():
    yield Sample((3, 4))
    yield Sample((3, 4), dim=1)
    yield Sample((2, 3, 4), dim=(0, -1), keepdim=True)
    yield Sample((3, 4), correction=0)
    yield Sample((3, 4), correction=2.5)


def _bad_spreads():
    yield ErrorSample(DTypeError, "int64", Array(3, low=0, high=9, dtype="int64"))


def _variance(xp, who, input, dim, correction, keepdim):
    """Return the variance in the precision that it is computed in; nan or inf where the divisor is not positive."""
    if input.dtype.kind in "biu":
        raise DTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
    axis = axis_of(who, input.ndim, dim)
    x = input.astype(xp.float32) if input.dtype == xp.float16 else input
    with xp.errstate(all="ignore"):
        total = add_up(xp, x, axis, True, None)
        deviation = x - total / reduced_count(x.shape, total.shape)
        if x.dtype.kind == "c":
            square = xp.square(deviation.real) + xp.square(deviation.imag)
        else:
            square = deviation * deviation
        total = add_up(xp, square, axis, keepdim, None)
        return total / max(reduced_count(x.shape, total.shape) - correction, 0)


def _var_gradient(g, input, dim, correction, keepdim):
    divisor = math.prod(input.shape) // (math.prod(g.shape) or 1) - correction
    scale = 2 / divisor if divisor > 0 else math.nan
    deviation = input - ops.mean(input, dim=dim, keepdim=True)
    return ops.expand_reduced(g, shape=input.shape, dim=dim, keepdim=keepdim) * (deviation * scale)


def _std_gradient(g, input, out, dim, correction, keepdim):
    # Where all elements are equal the standard deviation has a kink; 0 is the slope in its middle.
    inverse = (out != 0) / (2 * out + (out == 0))
    return _var_gradient(g * inverse, input, dim, correction, keepdim)


@primitive(
    vjp=(_var_gradient,),
    formula=r"\frac{1}{n - c} \sum_i (x_i - \bar{x})^2",
    derivative=r"2 (x_i - \bar{x}) / (n - c)",
    holomorphic=False,
    samples=_spread_samples,
    errors=_bad_spreads,
)
def var(xp, input, *, dim=None, correction=1, keepdim=False, out=None):
    """Return the variance over one dimension, several, or all. Raises DTypeError for integers and bool."""
    return into(out, _variance(xp, "var", input, dim, correction, keepdim).astype(input.real.dtype, copy=False))


@primitive(
    vjp=(_std_gradient,),
    formula=r"\sqrt{\frac{1}{n - c} \sum_i (x_i - \bar{x})^2}",
    derivative=r"(x_i - \bar{x}) / ((n - c) s)",
    holomorphic=False,
    samples=_spread_samples,
    errors=_bad_spreads,
)
def std(xp, input, *, dim=None, correction=1, keepdim=False, out=None):
    """Return the standard deviation over one dimension, several, or all. Raises DTypeError for integers and bool."""
    return into(
        out, xp.sqrt(_variance(xp, "std", input, dim, correction, keepdim)).astype(input.real.dtype, copy=False)
    )


# -- counts -------------------------------------------------------------------------------------------------------------


@primitive(
    formula=r"\#\{i: b_k \le x_i < b_{k+1}\}",
    samples=lambda: [
        Sample((20,), bins=5, min=-1.0, max=1.0),
        Sample((3, 4), bins=4),
        Sample((0,), bins=3, min=0.0, max=1.0),
    ],
    errors=lambda: [
        ErrorSample(OptionError, "max 0.0 is below min 1.0", (3,), min=1.0, max=0.0),
        ErrorSample(OptionError, "bins = 0", (3,), bins=0),
    ],
    methods="histc",
)
def histc(xp, input, *, bins=100, min=0.0, max=0.0):
    """Return how many elements lie in each of ``bins`` equal intervals from ``min`` to ``max``, as floating-point numbers.

    Elements outside are not counted; those on ``max`` belong to the last interval. With ``min`` equal to ``max`` the
    range is that of the elements. Raises OptionError for a range that is empty or not finite, and for no interval.
    Source: https://pytorch.org/docs/stable/generated/torch.histc.html

    >>> import tapegrad as tg
    >>> tg.histc(tg.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if bins < 1:
        raise OptionError("histc", f"bins = {bins}", "use 1 or more")
    if min == max and input.size:
        min, max = float(input.min()), float(input.max())
    if min == max:
        min, max = min - 1, max + 1
    if not (math.isfinite(min) and math.isfinite(max) and min <= max):
        raise OptionError("histc", f"max {max} is below min {min}, or one is not finite", "give a finite range")
    values = input[(input >= min) & (input <= max)]
    if input.dtype == xp.float16:
        # PyTorch rounds to half precision at every step, and the count beside an edge depends on it.
        low, scale, width = (xp.float16(x) for x in (min, bins, max - min))
        places = ((values - low) * scale / width).astype(xp.int64)
    else:
        places = ((values.astype(xp.float64) - min) * (bins / (max - min))).astype(xp.int64)
    return xp.bincount(xp.minimum(places, bins - 1), minlength=bins).astype(input.dtype)


@primitive(
    dynamic=True,
    formula=r"\sum_i w_i [x_i = k]",
    samples=lambda: [
        Sample(Array(9, low=0, high=4, dtype="int64"), None),
        Sample(Array(9, low=0, high=4, dtype="int32"), (9,), minlength=8),
        Sample(Array(0, low=0, high=4, dtype="int64"), None, minlength=2),
    ],
    errors=lambda: [
        ErrorSample(DTypeError, "float", (3,), None),
        ErrorSample(ShapeError, "one dimension", Array(2, 2, low=0, high=4, dtype="int64"), None),
        ErrorSample(OptionError, "negative", Array(2, low=-4, high=-1, dtype="int64"), None),
    ],
    methods="bincount",
)
def bincount(xp, input, weights=None, *, minlength=0):
    """Return how often each of the integers 0, 1, 2, ... occurs in a vector, or the sums of their weights.

    The result has at least ``minlength`` elements: int64, or of the weights' floating-point dtype. Raises DTypeError for
    other than integers, ShapeError for other than a vector, OptionError for negative integers.
    Source: https://pytorch.org/docs/stable/generated/torch.bincount.html

    >>> import tapegrad as tg
    >>> tg.bincount(tg.tensor([1, 1, 3]))
    tensor([0, 2, 0, 1])
    """
    if input.dtype.kind not in "iu":
        raise DTypeError("bincount", f"the input has dtype {input.dtype}", "convert it with .long()")
    if input.ndim != 1:
        raise ShapeError("bincount", f"the input has shape {input.shape}", "give one dimension, e.g. with .flatten()")
    if input.size and input.min() < 0:
        raise OptionError("bincount", f"the input has the negative number {input.min()}", "use 0 and above")
    if weights is None:
        return xp.bincount(input, minlength=minlength)
    dtype = weights.dtype if weights.dtype.kind == "f" else xp.float64
    return xp.bincount(input, weights, minlength).astype(dtype, copy=False)


@primitive(
    dynamic=True,
    formula=r"\{x_i\}",
    onnx="Unique",
    samples=lambda: [
        Sample(Array(9, low=0, high=4, dtype="int64")),
        Sample(Array(3, 4, low=0, high=3, dtype="int64"), dim=None),
        Sample(Array(4, 2, low=0, high=2, dtype="int64"), dim=0),
        Sample((3, 2)),
    ],
    torch="",
)
def unique_parts(xp, input, *, dim=None):
    """Return the distinct elements in order (or rows along ``dim``), which of them each one is, and how often each occurs."""
    axis = axis_of("unique", input.ndim, dim)
    values, places, counts = xp.unique(input, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    return values, places.reshape(input.shape if axis is None else -1), counts


@function(methods="unique")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements in order (whatever ``sorted`` says), or the distinct slices along ``dim``.

    With ``return_inverse`` also which of them each element is, with ``return_counts`` how often each occurs.
    Source: https://pytorch.org/docs/stable/generated/torch.unique.html

    >>> import tapegrad as tg
    >>> tg.unique(tg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    values, places, counts = ops.unique_parts(input, dim=dim)
    chosen = (values, *([places] if return_inverse else []), *([counts] if return_counts else []))
    return chosen if len(chosen) > 1 else values
