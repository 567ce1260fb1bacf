"""Arithmetic on elements: two inputs that broadcast against each other, or one."""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, primitive
from ..errors import ShapeError

__all__ = ["add", "div", "exp", "log", "mul", "neg", "sub"]


def _pairs():
    yield Sample((3, 4), (3, 4))
    yield Sample((3, 4), (4,))
    yield Sample((3, 1), (2, 1, 4))
    yield Sample((), (2, 2))
    yield Sample((2, 3), 1.5)
    yield Sample((0, 3), (1, 3))


def _bad_pairs():
    yield ErrorSample(ShapeError, "could not be broadcast", (2, 3), (4,))


def _singles():
    yield Sample((3, 4))
    yield Sample(())
    yield Sample((0, 2))


def _positives():
    yield Sample(Array(3, 4, low=0.1, high=3.0))
    yield Sample(Array(low=0.5, high=2.0))


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g: g),
    formula=r"x + y",
    derivative=r"1, 1",
    onnx="Add",
    samples=_pairs,
    errors=_bad_pairs,
    methods="__add__ __radd__",
    inplace=True,
)
def add(xp, input, other, *, out=None):
    """Return the sum of two tensors, element by element."""
    return xp.add(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g: -g),
    formula=r"x - y",
    derivative=r"1, -1",
    onnx="Sub",
    samples=_pairs,
    errors=_bad_pairs,
    methods="__sub__ __rsub__",
    inplace=True,
)
def sub(xp, input, other, *, out=None):
    """Return the difference of two tensors, element by element."""
    return xp.subtract(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g, other: g * other, lambda g, input: g * input),
    formula=r"x y",
    derivative=r"y, x",
    onnx="Mul",
    samples=_pairs,
    errors=_bad_pairs,
    methods="mul multiply __mul__ __rmul__",
    inplace=True,
)
def mul(xp, input, other, *, out=None):
    """Return the product of two tensors, element by element.

    >>> import tapegrad as tg
    >>> tg.mul(tg.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """
    return xp.multiply(input, other, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, other: g / other, lambda g, other, out: -g * out / other),
    formula=r"x / y",
    derivative=r"1 / y, -x / y^2",
    onnx="Div",
    samples=lambda: [
        Sample((3, 4), Array(4, low=0.5, high=2.0)),
        Sample((), Array(2, 1, low=-3.0, high=-1.0)),
        Sample((2, 3), 1.5),
    ],
    errors=_bad_pairs,
    methods="__truediv__ __rtruediv__",
    inplace=True,
)
def div(xp, input, other, *, out=None):
    """Return the quotient of two tensors, element by element, as a floating-point tensor."""
    return xp.true_divide(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g: -g,),
    formula=r"-x",
    derivative=r"-1",
    onnx="Neg",
    samples=_singles,
    methods="neg negative __neg__",
    inplace=True,
)
def neg(xp, input, *, out=None):
    """Return the tensor with every sign turned."""
    return xp.negative(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * out,),
    formula=r"e^x",
    derivative=r"e^x",
    onnx="Exp",
    samples=_singles,
    methods="exp",
    inplace=True,
)
def exp(xp, input, *, out=None):
    """Return e to the power of each element.

    >>> import tapegrad as tg
    >>> tg.exp(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return xp.exp(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / input,),
    formula=r"\ln x",
    derivative=r"1 / x",
    onnx="Log",
    samples=_positives,
    methods="log",
    inplace=True,
)
def log(xp, input, *, out=None):
    """Return the natural logarithm of each element (nan below 0, -inf at 0)."""
    return xp.log(input, out=out)
