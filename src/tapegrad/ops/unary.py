"""Exponentials, logarithms, roots and the functions made of them, element by element."""

from __future__ import annotations

import math

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError
from .buffers import MANY, into
from .elementwise import select
from .samples import between, singles

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logit",
    "reciprocal",
    "relu",
    "rsqrt",
    "sigmoid",
    "sqrt",
    "square",
]

_LN2 = math.log(2)
_LN10 = math.log(10)


def _positive():
    return between(0.1, 3.0)


# -- exponentials -------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * out,),
    formula=r"e^x",
    derivative=r"e^x",
    onnx="Exp",
    samples=singles,
    methods="exp",
    inplace=True,
)
def exp(xp, input, *, out=None):
    """Return e to the power of each element.

    >>> import tapegrad as tg
    >>> tg.exp(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    with xp.errstate(all="ignore"):
        return xp.exp(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (out * _LN2),),
    formula=r"2^x",
    derivative=r"2^x \ln 2",
    samples=singles,
    methods="exp2",
    inplace=True,
)
def exp2(xp, input, *, out=None):
    """Return 2 to the power of each element.

    >>> import tapegrad as tg
    >>> tg.exp2(tg.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    with xp.errstate(all="ignore"):
        return xp.exp2(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (out + 1),),
    formula=r"e^x - 1",
    derivative=r"e^x",
    samples=singles,
    methods="expm1",
    inplace=True,
)
def expm1(xp, input, *, out=None):
    """Return e to the power of each element, minus 1, exact for small elements too.

    >>> import tapegrad as tg
    >>> tg.expm1(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """
    with xp.errstate(all="ignore"):
        return xp.expm1(input, out=out)


# -- logarithms ---------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / input,),
    formula=r"\ln x",
    derivative=r"1 / x",
    onnx="Log",
    samples=_positive,
    methods="log",
    inplace=True,
)
def log(xp, input, *, out=None):
    """Return the natural logarithm of each element (nan below 0, -inf at 0).

    >>> import tapegrad as tg
    >>> tg.log(tg.tensor([1.0, 2.0]))
    tensor([0.0000, 0.6931])
    """
    with xp.errstate(all="ignore"):
        return xp.log(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / (input * _LN2),),
    formula=r"\log_2 x",
    derivative=r"1 / (x \ln 2)",
    samples=_positive,
    methods="log2",
    inplace=True,
)
def log2(xp, input, *, out=None):
    """Return the logarithm to base 2 of each element (nan below 0, -inf at 0).

    >>> import tapegrad as tg
    >>> tg.log2(tg.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    with xp.errstate(all="ignore"):
        return xp.log2(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / (input * _LN10),),
    formula=r"\log_{10} x",
    derivative=r"1 / (x \ln 10)",
    samples=_positive,
    methods="log10",
    inplace=True,
)
def log10(xp, input, *, out=None):
    """Return the logarithm to base 10 of each element (nan below 0, -inf at 0).

    >>> import tapegrad as tg
    >>> tg.log10(tg.tensor([1.0, 2.0]))
    tensor([0.0000, 0.3010])
    """
    with xp.errstate(all="ignore"):
        return xp.log10(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / (input + 1),),
    formula=r"\ln(1 + x)",
    derivative=r"1 / (1 + x)",
    samples=lambda: between(-0.8, 3.0),
    methods="log1p",
    inplace=True,
)
def log1p(xp, input, *, out=None):
    """Return the natural logarithm of 1 plus each element, exact for small elements too.

    >>> import tapegrad as tg
    >>> tg.log1p(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """
    with xp.errstate(all="ignore"):
        return xp.log1p(input, out=out)


# -- squares, roots, reciprocals ----------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    vjp=(lambda g, input: g * (2 * input),),
    formula=r"x^2",
    derivative=r"2 x",
    samples=singles,
    methods="square",
    inplace=True,
)
def square(xp, input, *, out=None):
    """Return the square of each element.

    >>> import tapegrad as tg
    >>> tg.square(tg.tensor([-3.0, 2.0]))
    tensor([9., 4.])
    """
    return xp.square(input, out=out) if input.dtype.kind != "b" else into(out, input.astype("int64"))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g / (2 * out),),
    formula=r"\sqrt{x}",
    derivative=r"1 / (2 \sqrt{x})",
    onnx="Sqrt",
    samples=_positive,
    methods="sqrt",
    inplace=True,
)
def sqrt(xp, input, *, out=None):
    """Return the square root of each element (nan below 0).

    >>> import tapegrad as tg
    >>> tg.sqrt(tg.tensor([9.0, 4.0]))
    tensor([3., 2.])
    """
    with xp.errstate(all="ignore"):
        return xp.sqrt(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (-0.5 * (out * out * out)),),
    formula=r"1 / \sqrt{x}",
    derivative=r"-x^{-3/2} / 2",
    samples=_positive,
    methods="rsqrt",
    inplace=True,
)
def rsqrt(xp, input, *, out=None):
    """Return 1 over the square root of each element (nan below 0, inf at 0).

    >>> import tapegrad as tg
    >>> tg.rsqrt(tg.tensor([4.0]))
    tensor([0.5000])
    """
    with xp.errstate(all="ignore"):
        return xp.reciprocal(xp.sqrt(input), out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: -g * (out * out),),
    formula=r"1 / x",
    derivative=r"-1 / x^2",
    onnx="Reciprocal",
    samples=lambda: [*between(0.5, 3.0), *between(-3.0, -0.5)],
    methods="reciprocal",
    inplace=True,
)
def reciprocal(xp, input, *, out=None):
    """Return 1 over each element (inf at 0).

    >>> import tapegrad as tg
    >>> tg.reciprocal(tg.tensor([4.0, -2.0]))
    tensor([ 0.2500, -0.5000])
    """
    with xp.errstate(all="ignore"):
        return xp.reciprocal(input, out=out)


# -- sigmoid, its inverse, its integral, and relu -----------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (out * (1 - out)),),
    formula=r"1 / (1 + e^{-x})",
    derivative=r"\sigma(x) (1 - \sigma(x))",
    onnx="Sigmoid",
    samples=singles,
    methods="sigmoid",
    inplace=True,
)
def sigmoid(xp, input, *, out=None):
    """Return the logistic function of each element: a number between 0 and 1.

    Source: https://pytorch.org/docs/stable/generated/torch.sigmoid.html

    >>> import tapegrad as tg
    >>> tg.sigmoid(tg.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """
    # Where e^(-x) overflows to inf the quotient is 0, as it should be.
    result = xp.empty_like(input) if out is None else out
    with xp.errstate(over="ignore"):
        xp.exp(xp.negative(input, out=result), out=result)
    result += 1
    return xp.reciprocal(result, out=result)


def _logit_gradient(g, input, eps):
    if eps is None:
        inside = ops.where((input >= 0) & (input <= 1), input, float("nan"))
        return g / (inside * (1 - inside))
    kept = (input >= eps) & (input <= 1 - eps)
    inside = ops.where(kept, input, 0.5)
    return g * kept / (inside * (1 - inside))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_logit_gradient,),
    formula=r"\ln(x / (1 - x))",
    derivative=r"1 / (x (1 - x))",
    samples=lambda: [*between(0.1, 0.9), Sample(Array(4, 5, low=-0.5, high=1.5), eps=0.05)],
    methods="logit",
    inplace=True,
)
def logit(xp, input, *, eps=None, out=None):
    """Return the logarithm of the odds of each element, the inverse of :func:`sigmoid` (nan outside 0 to 1).

    With ``eps`` the elements are first clamped to ``eps`` to ``1 - eps``.
    Source: https://pytorch.org/docs/stable/generated/torch.logit.html

    >>> import tapegrad as tg
    >>> tg.logit(tg.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    if eps is not None:
        input = xp.clip(input, eps, 1 - eps)
    with xp.errstate(all="ignore"):
        return xp.log(input / (1 - input), out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g, input, beta, threshold: ops.where(input * beta > threshold, g, g * ops.sigmoid(input * beta)),),
    formula=r"\ln(1 + e^{\beta x}) / \beta",
    derivative=r"\sigma(\beta x)",
    onnx="Softplus",
    samples=lambda: [*singles(), Sample((3, 4), beta=0.5)],
    torch="nn.functional.softplus",
)
def softplus(xp, input, *, beta=1.0, threshold=20.0, out=None):
    """Return a smooth version of relu; the input itself where ``beta`` times it exceeds ``threshold``."""
    if input.dtype == xp.float16:
        # Above 11 the two are one number in half precision, and the exponential soon overflows.
        threshold = min(threshold, 11.0)
    with xp.errstate(over="ignore"):
        scaled = input if beta == 1 else input * beta
    bounded = scaled.clip(-math.inf, threshold) if input.size > MANY else xp.minimum(scaled, threshold)
    smooth = xp.log1p(xp.exp(bounded))
    smooth = smooth if beta == 1 else smooth / beta
    return select(xp, scaled > threshold, input, smooth, out)


@primitive(
    elementwise=True,
    vjp=(lambda g, out: g * (out > 0),),
    formula=r"\max(x, 0)",
    derivative=r"[x > 0]",
    onnx="Relu",
    samples=singles,
    errors=lambda: [ErrorSample(DTypeError, "bool", Array(3, dtype="bool"))],
    methods="relu",
    inplace=True,
)
def relu(xp, input, *, out=None):
    """Return each element, or 0 where it is negative. The gradient at 0 is 0.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import tapegrad as tg
    >>> tg.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if input.dtype.kind == "b":
        raise DTypeError("relu", "the input is bool", "convert it with .float()")
    # Comparing with a number costs NumPy several times what clipping between two costs, but for the call itself.
    if input.size > 4096 and input.dtype.kind == "f":
        return input.clip(0, math.inf, out=out)
    return xp.maximum(input, 0, out=out)
