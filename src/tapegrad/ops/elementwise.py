"""Arithmetic on two tensors, element by element: they broadcast against each other.

``add`` and ``sub`` are what the operators are: the functions of that name, with their ``alpha``, are in arithmetic.py.
"""

from __future__ import annotations

from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, ShapeError
from .buffers import into
from .samples import bad_pairs, pairs, quotients

__all__ = ["floor_divide", "fmod", "mul", "multiply", "pow", "remainder"]

# From this size on what an operation costs for each element counts for more than how it is called.
_MANY = 1 << 13


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g: g),
    formula=r"x + y",
    derivative=r"1, 1",
    onnx="Add",
    samples=pairs,
    errors=bad_pairs,
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
    samples=lambda: [s for s in pairs() if s.inputs[0] != 1.5],
    errors=bad_pairs,
    methods="__sub__ __rsub__",
    inplace=True,
)
def sub(xp, input, other, *, out=None):
    """Return the difference of two tensors, element by element. Raises DTypeError for two of bool."""
    try:
        return xp.subtract(input, other, out=out)
    except TypeError:
        raise DTypeError("sub", "both tensors are bool", "use ^, or logical_xor()") from None


@primitive(
    elementwise=True,
    vjp=(lambda g, other: g * other, lambda g, input: g * input),
    formula=r"x y",
    derivative=r"y, x",
    onnx="Mul",
    samples=pairs,
    errors=bad_pairs,
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
    samples=quotients,
    errors=bad_pairs,
    methods="__truediv__ __rtruediv__",
    inplace=True,
)
def div(xp, input, other, *, out=None):
    """Return the quotient of two tensors, element by element, as a floating-point tensor."""
    with xp.errstate(all="ignore"):
        return xp.true_divide(input, other, out=out)


# -- quotients without their fraction, and what is left over ------------------------------------------------------------


def _is_integral(input, other):
    """Return whether a kernel's operands, one of which is an array, are integers."""
    return (input if hasattr(input, "dtype") else other).dtype.kind in "iub"


def _refuse_zero(xp, who, input, other):
    """Raise DTypeError where an integer would be divided by 0: floating-point numbers give inf or nan there."""
    if _is_integral(input, other) and not xp.all(other):
        raise DTypeError(who, "an integer is divided by 0", "divide floating-point tensors to get inf or nan")


def _zero_divisors():
    yield ErrorSample(DTypeError, "divided by 0", Array(3, low=1, high=9, dtype="int64"), 0)


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0), lambda g: ops.copy(g, 0)),
    formula=r"\lfloor x / y \rfloor",
    derivative=r"0, 0",
    samples=quotients,
    errors=_zero_divisors,
    methods="floor_divide __floordiv__ __rfloordiv__",
    inplace=True,
    torch="",
)
def floor_divide(xp, input, other, *, out=None):
    """Return the quotient rounded down. Integers stay integers; the gradient is 0.

    Raises DTypeError for an integer divided by 0.
    Source: https://pytorch.org/docs/stable/generated/torch.floor_divide.html

    >>> import tapegrad as tg
    >>> tg.tensor([7, -7]) // 2
    tensor([ 3, -4])
    """
    _refuse_zero(xp, "floor_divide", input, other)
    with xp.errstate(all="ignore"):
        return xp.floor_divide(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.copy(g, 0), lambda g: ops.copy(g, 0)),
    formula=r"\mathrm{trunc}(x / y)",
    derivative=r"0, 0",
    samples=quotients,
    errors=_zero_divisors,
    torch="",
)
def trunc_divide(xp, input, other, *, out=None):
    """Return the quotient rounded towards 0: division by C's rule. The gradient is 0."""
    _refuse_zero(xp, "trunc_divide", input, other)
    with xp.errstate(all="ignore"):
        if not _is_integral(input, other):
            return xp.trunc(xp.true_divide(input, other), out=out)
        quotient = xp.floor_divide(input, other)
        return xp.add(quotient, (xp.multiply(quotient, other) != input) & (quotient < 0), out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g, input, other: -g * ops.floor_divide(input, other)),
    formula=r"x - y \lfloor x / y \rfloor",
    derivative=r"1, -\lfloor x / y \rfloor",
    onnx="Mod",
    samples=lambda: [s for s in quotients() if s.inputs[0] != 1.5],
    errors=_zero_divisors,
    methods="remainder __mod__ __rmod__",
    inplace=True,
)
def remainder(xp, input, other, *, out=None):
    """Return what division leaves over, with the sign of the divisor, as Python's ``%`` does.

    Raises DTypeError for an integer divided by 0.
    Source: https://pytorch.org/docs/stable/generated/torch.remainder.html

    >>> import tapegrad as tg
    >>> tg.remainder(tg.tensor([-3.0, 5.0]), 2)
    tensor([1., 1.])
    """
    _refuse_zero(xp, "remainder", input, other)
    with xp.errstate(all="ignore"):
        return xp.remainder(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g, input, other: -g * ops.trunc_divide(input, other)),
    formula=r"x - y\, \mathrm{trunc}(x / y)",
    derivative=r"1, -\mathrm{trunc}(x / y)",
    onnx="Mod",
    samples=lambda: [s for s in quotients() if s.inputs[0] != 1.5],
    errors=_zero_divisors,
    methods="fmod",
    inplace=True,
)
def fmod(xp, input, other, *, out=None):
    """Return what division leaves over, with the sign of the dividend, as C's ``fmod`` does.

    Raises DTypeError for an integer divided by 0.
    Source: https://pytorch.org/docs/stable/generated/torch.fmod.html

    >>> import tapegrad as tg
    >>> tg.fmod(tg.tensor([-3.0, 5.0]), 2)
    tensor([-1.,  1.])
    """
    _refuse_zero(xp, "fmod", input, other)
    with xp.errstate(all="ignore"):
        return xp.fmod(input, other, out=out)


# -- powers -------------------------------------------------------------------------------------------------------------

# The exponents that are faster by other means than NumPy's general power.
_POWERS = {
    -1: lambda xp, x, out: xp.reciprocal(x, out=out),
    -0.5: lambda xp, x, out: xp.reciprocal(xp.sqrt(x), out=out),
    0.5: lambda xp, x, out: xp.sqrt(x, out=out),
    1: lambda xp, x, out: xp.positive(x, out=out),
    2: lambda xp, x, out: xp.square(x, out=out),
    3: lambda xp, x, out: xp.multiply(xp.square(x), x, out=out),
}


def _base_gradient(g, input, other):
    if isinstance(other, (int, float)):
        return g * (other * ops.pow(input, other - 1)) if other else ops.copy(g, 0)
    # x^(y-1) is infinite where both are 0, though the product y x^(y-1) is 0.
    return g * (other * ops.pow(input, other - 1 + ((input == 0) & (other == 0))))


def _exponent_gradient(g, input, other, out):
    base = input + other * 0 if isinstance(input, (int, float)) else input
    # 0^y is 0 for every y > 0, so its derivative is 0 although ln 0 is infinite.
    return g * (out * ops.log(ops.where((base == 0) & (other >= 0), 1, base)))


def _negative_power(xp, input, other):
    """Return integers to powers that may be negative: of their fractions, only those of 1 and -1 are not cut off to 0."""
    if not hasattr(other, "dtype"):
        raise DTypeError("pow", "an integer is raised to a negative power", "convert it with .float()")
    powers = xp.power(input, xp.maximum(other, 0))
    turned = xp.where(xp.equal(input, 1), 1, xp.where(xp.equal(input, -1), 1 - 2 * (other & 1), 0))
    return xp.where(other < 0, turned, powers).astype(powers.dtype)


@primitive(
    elementwise=True,
    vjp=(_base_gradient, _exponent_gradient),
    formula=r"x^y",
    derivative=r"y x^{y-1}, x^y \ln x",
    onnx="Pow",
    samples=lambda: [
        Sample(Array(3, 4, low=0.3, high=2.0), (4,)),
        Sample(Array(2, 1, low=0.3, high=2.0), (3,)),
        Sample((2, 3), 2),
        Sample((2, 3), 3),
        Sample((2, 3), 0),
        Sample((3,), 1.0),
        Sample(Array(3, low=0.3, high=2.0), 2.5),
        Sample(Array(3, low=0.3, high=2.0), 0.5),
        Sample(Array(3, low=0.3, high=2.0), -0.5),
        Sample(Array(low=0.5, high=2.0), -1),
        Sample(2.0, (2, 3)),
        Sample(0.0, Array(3, low=0.5, high=2.0)),
        Sample(Array(0, 2, low=0.3, high=2.0), ()),
    ],
    errors=lambda: [
        ErrorSample(DTypeError, "negative power", Array(2, low=1, high=5, dtype="int64"), -1),
        *bad_pairs(),
    ],
    methods="pow __pow__ __rpow__",
    inplace=True,
)
def pow(xp, input, other, *, out=None):
    """Return a tensor (or number) to the power of another, element by element.

    The gradient is 0 for the base where the exponent is 0, and for the exponent where the base is 0.
    Integers to negative powers in a tensor lose their fraction; raises DTypeError where the power is a number.
    Source: https://pytorch.org/docs/stable/generated/torch.pow.html

    >>> import tapegrad as tg
    >>> tg.tensor([1.0, 2.0, 3.0]) ** 2, 2 ** tg.tensor([1.0, 2.0])
    (tensor([1., 4., 9.]), tensor([2., 4.]))
    """
    if _is_integral(input, other) and xp.any(xp.less(other, 0)):
        return into(out, _negative_power(xp, input, other))
    special = _POWERS.get(other) if type(other) in (int, float) else None
    with xp.errstate(all="ignore"):
        return special(xp, input, out) if special else xp.power(input, other, out=out)


# -- choosing and writing over ------------------------------------------------------------------------------------------


def select(xp: Any, condition: Any, input: Any, other: Any, out: Any = None) -> Any:
    """Return ``xp.where(condition, input, other)``, ten times as fast for large arrays with an irregular condition.

    Choosing by bits needs no jumps, which a processor guesses wrong half the time when the condition is irregular.
    """
    dtype = xp.result_type(input, other)
    if getattr(condition, "size", 1) < _MANY or condition.dtype != bool or dtype.itemsize > 8:
        return into(out, xp.where(condition, input, other))
    bits = f"i{dtype.itemsize}"
    first, second = (xp.asarray(x, dtype).view(bits) for x in (input, other))
    chosen = (first ^ second) & xp.negative(condition.view("i1")).astype(bits)
    if out is None:
        return xp.bitwise_xor(chosen, second, out=chosen).view(dtype)
    xp.bitwise_xor(chosen, second, out=out.view(bits))
    return out


@primitive(
    elementwise=True,
    fixed=1,
    vjp=(None, lambda g, condition: ops.where(condition, g, 0), lambda g, condition: ops.where(condition, 0, g)),
    formula=r"c\, x + (1 - c)\, y",
    derivative=r"c, 1 - c",
    onnx="Where",
    samples=lambda: [
        Sample(Array(3, 4, dtype="bool"), (3, 4), (3, 4)),
        Sample(Array(4, dtype="bool"), (3, 1), (3, 4)),
        Sample(Array(2, 1, dtype="bool"), (), (3,)),
        Sample(Array(3, dtype="bool"), (2, 3), 1.5),
        Sample(Array(3, dtype="bool"), 0, (3,)),
        Sample(Array(0, 2, dtype="bool"), (2,), (1, 2)),
    ],
    errors=lambda: [ErrorSample(ShapeError, "could not be broadcast", Array(4, dtype="bool"), (2, 3), (3,))],
)
def where(xp, condition, input, other, *, out=None):
    """Return the elements of ``input`` where a condition is true, those of ``other`` where it is not."""
    return select(xp, condition, input, other, out)


@primitive(
    elementwise=True,
    fixed=2,
    vjp=(
        lambda g: ops.copy(g, 0),
        lambda g, src_dtype: g if g.dtype == src_dtype else ops.cast(g, dtype=src_dtype),
    ),
    formula=r"y",
    derivative=r"0, 1",
    onnx="Identity",
    samples=lambda: [
        Sample((3, 4), (3, 4)),
        Sample((3, 4), (4,)),
        Sample((2, 3), ()),
        Sample((2, 3), 1.5),
        Sample((), ()),
        Sample((0, 3), (3,)),
    ],
    errors=lambda: [ErrorSample(ShapeError, "cannot be broadcast", (2, 3), (4,))],
    torch="",
)
def copy(xp, input, src, *, out=None):
    """Return the values of another tensor, or a number, in the dtype of the input and, where it is smaller, its shape."""
    result = xp.empty(xp.broadcast(input, src).shape, input.dtype) if out is None else out
    with xp.errstate(all="ignore"):
        xp.copyto(result, src, casting="unsafe")
    return result


multiply = mul
