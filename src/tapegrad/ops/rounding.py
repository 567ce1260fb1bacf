"""Sign and rounding, element by element: negation, magnitude, whole numbers, and what is left of them."""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, UnsupportedDTypeError
from .buffers import into
from .samples import between, singles

__all__ = [
    "abs",
    "absolute",
    "ceil",
    "fix",
    "floor",
    "frac",
    "neg",
    "negative",
    "positive",
    "round",
    "sgn",
    "sign",
    "trunc",
]


def _away_from_whole():
    yield from between(0.1, 0.4)
    yield from between(-1.4, -1.1)
    yield Sample(Array(3, low=-5, high=5, dtype="int64"))


# -- sign ---------------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    vjp=(lambda g: -g,),
    formula=r"-x",
    derivative=r"-1",
    onnx="Neg",
    samples=singles,
    methods="neg negative __neg__",
    inplace=True,
)
def neg(xp, input, *, out=None):
    """Return the tensor with every sign turned.

    >>> import tapegrad as tg
    >>> -tg.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """
    if input.dtype.kind == "b":
        raise DTypeError("neg", "the input is bool, which has no sign", "use ~x, or logical_not()")
    return xp.negative(input, out=out)


@function(methods="positive __pos__")
def positive(input: Tensor) -> Tensor:
    """Return the tensor as it is.

    Raises DTypeError for bool.
    """
    if input.dtype.kind == "b":
        raise DTypeError("positive", "a bool has no sign", "convert it with .int()")
    return input


@primitive(
    elementwise=True,
    vjp=(lambda g, input: g * ops.sign(input),),
    formula=r"|x|",
    derivative=r"\mathrm{sign}(x)",
    onnx="Abs",
    samples=lambda: [*between(0.1, 2.0), *between(-2.0, -0.1)],
    holomorphic=False,
    methods="abs absolute __abs__",
    inplace=True,
)
def abs(xp, input, *, out=None):
    """Return the magnitude of each element. The gradient at 0 is 0.

    >>> import tapegrad as tg
    >>> tg.abs(tg.tensor([-1.5, 2.0]))
    tensor([1.5000, 2.0000])
    """
    return xp.abs(input, out=out)


@primitive(
    elementwise=True,
    # The part of g across the direction s = z / |z|, which is 0 for real numbers; 0 at 0.
    vjp=(
        lambda g, input, out: (g - out * ops.real(ops.conj(out) * g)) * ops.abs(out) / (ops.abs(input) + (input == 0)),
    ),
    formula=r"\mathrm{sign}(x)",
    derivative=r"0",
    onnx="Sign",
    holomorphic=False,
    samples=lambda: [*between(0.1, 2.0), *between(-2.0, -0.1), Sample(Array(4, low=-3, high=3, dtype="int64"))],
    methods="sign sgn",
    inplace=True,
)
def sign(xp, input, *, out=None):
    """Return 1, 0 or -1 with the sign of each element; 0 for nan. Of a complex number: z / abs(z), and 0 for 0.

    >>> import tapegrad as tg
    >>> tg.sign(tg.tensor([-1.5, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    if input.dtype.kind == "b":
        return xp.array(input) if out is None else into(out, input)
    if input.dtype.kind == "c":
        return xp.sign(input, out=out)
    return xp.subtract(input > 0, input < 0, dtype=input.dtype, out=out)


# -- whole numbers ------------------------------------------------------------------------------------------------------


def _rounded(xp, who, function, input, out):
    """Return a NumPy rounding of the input; integers are whole already. Raises DTypeError for bool."""
    if input.dtype.kind == "b":
        raise DTypeError(who, "the input is bool", "convert it with .float()")
    return xp.positive(input, out=out) if input.dtype.kind in "iu" else function(input, out=out)


def _refuse_bool():
    yield ErrorSample(DTypeError, "bool", Array(2, dtype="bool"))


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0),),
    formula=r"\lfloor x \rfloor",
    derivative=r"0",
    onnx="Floor",
    samples=_away_from_whole,
    errors=_refuse_bool,
    methods="floor",
    inplace=True,
)
def floor(xp, input, *, out=None):
    """Return the largest whole number that is not above each element. The gradient is 0.

    >>> import tapegrad as tg
    >>> tg.floor(tg.tensor([1.7, -1.2]))
    tensor([ 1., -2.])
    """
    return _rounded(xp, "floor", xp.floor, input, out)


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0),),
    formula=r"\lceil x \rceil",
    derivative=r"0",
    onnx="Ceil",
    samples=_away_from_whole,
    errors=_refuse_bool,
    methods="ceil",
    inplace=True,
)
def ceil(xp, input, *, out=None):
    """Return the smallest whole number that is not below each element. The gradient is 0.

    >>> import tapegrad as tg
    >>> tg.ceil(tg.tensor([1.2, -1.7]))
    tensor([ 2., -1.])
    """
    return _rounded(xp, "ceil", xp.ceil, input, out)


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0),),
    formula=r"\mathrm{trunc}(x)",
    derivative=r"0",
    samples=_away_from_whole,
    errors=_refuse_bool,
    methods="trunc fix",
    inplace=True,
)
def trunc(xp, input, *, out=None):
    """Return each element without its fraction: rounded towards 0. The gradient is 0.

    >>> import tapegrad as tg
    >>> tg.trunc(tg.tensor([1.7, -1.7]))
    tensor([ 1., -1.])
    """
    return _rounded(xp, "trunc", xp.trunc, input, out)


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0),),
    formula=r"\mathrm{round}(x)",
    derivative=r"0",
    onnx="Round",
    samples=lambda: [*_away_from_whole(), Sample((3, 4), decimals=1), Sample(Array(3, low=0, high=900.0), decimals=-2)],
    errors=_refuse_bool,
    methods="round",
    inplace=True,
)
def round(xp, input, *, decimals=0, out=None):
    """Return the nearest number with so many ``decimals``; halves go to the even one. The gradient is 0.

    Negative ``decimals`` round to tens, hundreds and so on.
    Source: https://pytorch.org/docs/stable/generated/torch.round.html

    >>> import tapegrad as tg
    >>> tg.round(tg.tensor([0.5, 1.5, -1.7]))
    tensor([ 0.,  2., -2.])
    """
    if decimals and input.dtype.kind == "f":
        scale = 10.0 ** (decimals if decimals > 0 else -decimals)
        if decimals > 0:
            return xp.true_divide(xp.rint(input * scale), scale, out=out)
        return xp.multiply(xp.rint(input / scale), scale, out=out)
    return _rounded(xp, "round", xp.rint, input, out)


@function(methods="frac", inplace=True)
def frac(input: Tensor) -> Tensor:
    """Return the fraction of each element, with its sign. Raises UnsupportedDTypeError for integers.

    >>> import tapegrad as tg
    >>> tg.frac(tg.tensor([1.5, -1.5]))
    tensor([ 0.5000, -0.5000])
    """
    if input.dtype.kind != "f":
        raise UnsupportedDTypeError("frac", f"the input has dtype {input.dtype}", "convert it with .float()")
    return ops.fmod(input, 1)


negative = neg
absolute = abs
fix = trunc
sgn = sign
