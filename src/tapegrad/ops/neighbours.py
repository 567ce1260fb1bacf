"""Functions of two tensors, element by element, that belong to whole numbers or to how numbers are held."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, as_tensor, function, ops, primitive, result_type
from ..errors import DTypeError, UnsupportedDTypeError, UsageError
from .samples import bad_pairs, singles, tensor_pairs

__all__ = ["float_power", "frexp", "gcd", "heaviside", "isin", "lcm", "ldexp", "logaddexp2", "nextafter"]


# -- whole numbers ------------------------------------------------------------------------------------------------------


def _whole(who: str, *arrays: Any) -> None:
    """Raise UsageError for a number, UnsupportedDTypeError for tensors of other than integers."""
    for a in arrays:
        if not hasattr(a, "dtype"):
            raise UsageError(who, f"{a} is a number", "wrap it in tapegrad.tensor(...)")
        if a.dtype.kind not in "iu":
            raise UnsupportedDTypeError(who, f"the input has dtype {a.dtype}", "give integers")


def _whole_pairs():
    yield Sample(Array(3, 4, low=-9, high=9, dtype="int64"), Array(4, low=-9, high=9, dtype="int64"))
    yield Sample(Array(low=0, high=9, dtype="int32"), Array(2, 2, low=0, high=9, dtype="int32"))


def _no_floats():
    yield ErrorSample(UnsupportedDTypeError, "float", (2,), (2,))


@primitive(
    elementwise=True,
    formula=r"\gcd(x, y)",
    samples=_whole_pairs,
    errors=_no_floats,
    methods="gcd",
    inplace=True,
)
def gcd(xp, input, other, *, out=None):
    """Return the greatest common divisor of integers; of 0 and x it is the magnitude of x.

    >>> import tapegrad as tg
    >>> tg.gcd(tg.tensor([12, 0]), tg.tensor([18, -5]))
    tensor([6, 5])
    """
    _whole("gcd", input, other)
    return xp.gcd(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"\mathrm{lcm}(x, y)",
    samples=_whole_pairs,
    errors=_no_floats,
    methods="lcm",
    inplace=True,
)
def lcm(xp, input, other, *, out=None):
    """Return the least common multiple of integers.

    >>> import tapegrad as tg
    >>> tg.lcm(tg.tensor([4, 6]), tg.tensor([6, 3]))
    tensor([12,  6])
    """
    _whole("lcm", input, other)
    return xp.lcm(input, other, out=out)


# -- steps and membership -----------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="same",
    formula=r"[x > 0] + v [x = 0]",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="heaviside",
    inplace=True,
)
def heaviside(xp, input, values):
    """Return 1 where the input is positive, 0 where it is negative, and ``values`` where it is 0.

    Raises DTypeError for different dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.heaviside.html

    >>> import tapegrad as tg
    >>> tg.heaviside(tg.tensor([-1.5, 0.0, 2.0]), tg.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    if not hasattr(values, "dtype") or not hasattr(input, "dtype"):
        raise UsageError("heaviside", "one of the values is a number", "wrap it in tapegrad.tensor(...)")
    return xp.asarray(xp.where(input == 0, values, (input > 0).astype(input.dtype)))


@primitive(
    formula=r"[x \in S]",
    samples=lambda: [
        Sample(Array(3, 4, low=0, high=9, dtype="int64"), Array(4, low=0, high=9, dtype="int64")),
        Sample(Array(4, low=0, high=9, dtype="int64"), Array(low=0, high=9, dtype="int64"), invert=True),
    ],
    torch="isin",
)
def occurs_in(xp, elements, test_elements, *, assume_unique=False, invert=False):
    """Return which elements occur in another tensor."""
    return xp.asarray(xp.isin(elements, test_elements, assume_unique=assume_unique, invert=invert))


@function()
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return which elements occur in ``test_elements``, or do not with ``invert``. Either may be a number.

    Source: https://pytorch.org/docs/stable/generated/torch.isin.html

    >>> import tapegrad as tg
    >>> tg.isin(tg.tensor([1, 2, 3]), tg.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        elements = as_tensor(elements)
    return ops.occurs_in(elements, test_elements, assume_unique=assume_unique, invert=invert)


# -- powers of two --------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, out: g * ops.exp2(ops.where(input == out, 0, input - out)),
        lambda g, other, out: g * ops.exp2(ops.where(other == out, 0, other - out)),
    ),
    formula=r"\log_2(2^x + 2^y)",
    derivative=r"2^x / (2^x + 2^y), 2^y / (2^x + 2^y)",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="logaddexp2",
)
def logaddexp2(xp, input, other, *, out=None):
    """Return the binary logarithm of the sum of powers of two, without overflow.

    Source: https://pytorch.org/docs/stable/generated/torch.logaddexp2.html

    >>> import tapegrad as tg
    >>> tg.logaddexp2(tg.tensor([1000.0]), tg.tensor([1000.0]))
    tensor([1001.])
    """
    return xp.logaddexp2(input, other, out=out)


@function(methods="ldexp", inplace=True)
def ldexp(input: Tensor, other: Any) -> Tensor:
    """Return ``input * 2 ** other``.

    Source: https://pytorch.org/docs/stable/generated/torch.ldexp.html

    >>> import tapegrad as tg
    >>> tg.ldexp(tg.tensor([1.0, 3.0]), tg.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    if isinstance(other, Tensor) and other.dtype.kind in "biu":
        return input * ops.exp2(other)
    return input * ops.pow(2.0, other)


class Frexp(NamedTuple):
    """What :func:`frexp` returns."""

    mantissa: Tensor
    exponent: Tensor


def _frexp_gradient(g, out):
    return None if g[0] is None else g[0] * ops.exp2(ops.cast(-out[1], dtype=g[0].dtype))


@primitive(
    vjp=(_frexp_gradient,),
    formula=r"x = m 2^e",
    samples=singles,
    torch="",
)
def mantissa_and_exponent(xp, input):
    """Return mantissas with a magnitude from 0.5 to 1, and the exponents of two that go with them."""
    return xp.frexp(input)


@function(methods="frexp")
def frexp(input: Tensor) -> Frexp:
    """Return ``mantissa`` and ``exponent`` with ``input = mantissa * 2 ** exponent`` and a magnitude from 0.5 to 1.

    Raises DTypeError for integers. Source: https://pytorch.org/docs/stable/generated/torch.frexp.html

    >>> import tapegrad as tg
    >>> tg.frexp(tg.tensor([6.0])).mantissa
    tensor([0.7500])
    """
    if input.dtype.kind != "f":
        raise DTypeError("frexp", f"the input has dtype {input.dtype}", "convert it with .float()")
    return Frexp(*ops.mantissa_and_exponent(input))


@primitive(
    elementwise=True,
    vjp=(lambda g: g, lambda g: ops.copy(g, 0)),
    derivative=r"1, 0",
    formula=r"\text{next after } x \text{ towards } y",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="nextafter",
    inplace=True,
)
def nextafter(xp, input, other, *, out=None):
    """Return the number that comes next after the input on the way to another.

    Source: https://pytorch.org/docs/stable/generated/torch.nextafter.html

    >>> import tapegrad as tg
    >>> bool(tg.nextafter(tg.tensor(1.0), tg.tensor(2.0)) == 1 + tg.finfo(tg.float32).eps)
    True
    """
    if input.dtype.kind != "f":
        raise UnsupportedDTypeError("nextafter", f"the input has dtype {input.dtype}", "convert it with .float()")
    return xp.nextafter(input, other, out=out)


@function(methods="float_power", inplace=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """Return a power, computed in float64 (or complex128) whatever the dtypes are.

    Source: https://pytorch.org/docs/stable/generated/torch.float_power.html

    >>> import tapegrad as tg
    >>> tg.float_power(tg.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=float64)
    """
    wide = np.dtype(np.complex128 if result_type(input, exponent).kind == "c" else np.float64)

    def widened(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return complex(x) if wide.kind == "c" else float(x)
        return x if x.dtype == wide else ops.cast(x, dtype=wide)

    return ops.pow(widened(input), widened(exponent))
