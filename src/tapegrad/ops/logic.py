"""Truth values, bits and kinds of numbers, element by element. They have no gradient."""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, primitive
from ..errors import UnsupportedDTypeError
from .pairs import refuse_numbers
from .samples import integers, singles

__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "signbit",
]


def _no_floats():
    yield ErrorSample(UnsupportedDTypeError, "floating-point numbers have no bits", (2,), (2,))


def _integer_tensors():
    return [s for s in integers() if all(isinstance(x, Array) for x in s.inputs)]


# -- truth values -----------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    formula=r"x \land y",
    onnx="And",
    samples=_integer_tensors,
    methods="logical_and",
    inplace=True,
)
def logical_and(xp, input, other, *, out=None):
    """Return whether both elements are true, that is not 0.

    >>> import tapegrad as tg
    >>> tg.logical_and(tg.tensor([True, True]), tg.tensor([True, False]))
    tensor([ True, False])
    """
    refuse_numbers("logical_and", input, other)
    return xp.logical_and(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"x \lor y",
    onnx="Or",
    samples=_integer_tensors,
    methods="logical_or",
    inplace=True,
)
def logical_or(xp, input, other, *, out=None):
    """Return whether at least one of two elements is true, that is not 0.

    >>> import tapegrad as tg
    >>> tg.logical_or(tg.tensor([True, True]), tg.tensor([True, False]))
    tensor([True, True])
    """
    refuse_numbers("logical_or", input, other)
    return xp.logical_or(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"x \oplus y",
    onnx="Xor",
    samples=_integer_tensors,
    methods="logical_xor",
    inplace=True,
)
def logical_xor(xp, input, other, *, out=None):
    """Return whether exactly one of two elements is true, that is not 0.

    >>> import tapegrad as tg
    >>> tg.logical_xor(tg.tensor([True, True]), tg.tensor([True, False]))
    tensor([False,  True])
    """
    refuse_numbers("logical_xor", input, other)
    return xp.logical_xor(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"\lnot x",
    onnx="Not",
    samples=singles,
    methods="logical_not",
    inplace=True,
)
def logical_not(xp, input, *, out=None):
    """Return whether elements are false, that is 0.

    >>> import tapegrad as tg
    >>> tg.logical_not(tg.tensor([0, 2]))
    tensor([ True, False])
    """
    return xp.logical_not(input, out=out)


# -- bits -------------------------------------------------------------------------------------------------------------


def _of_bits(compute, input, other, out):
    """Return what NumPy's function computes of the bits of integers. Raises UnsupportedDTypeError for other numbers."""
    try:
        return compute(input, other, out=out)
    except TypeError:
        raise UnsupportedDTypeError(
            compute.__name__, "floating-point numbers have no bits", "convert them with .long()"
        ) from None


@primitive(
    elementwise=True,
    formula=r"x \mathbin{\&} y",
    onnx="BitwiseAnd",
    samples=integers,
    errors=_no_floats,
    methods="bitwise_and __and__ __rand__",
    inplace=True,
)
def bitwise_and(xp, input, other, *, out=None):
    """Return the bits that are set in both integers; for bool, whether both are true.

    >>> import tapegrad as tg
    >>> tg.bitwise_and(tg.tensor([5, 6]), 3)
    tensor([1, 2])
    """
    return _of_bits(xp.bitwise_and, input, other, out)


@primitive(
    elementwise=True,
    formula=r"x \mathbin{|} y",
    onnx="BitwiseOr",
    samples=integers,
    errors=_no_floats,
    methods="bitwise_or __or__ __ror__",
    inplace=True,
)
def bitwise_or(xp, input, other, *, out=None):
    """Return the bits that are set in either of two integers; for bool, whether one is true.

    >>> import tapegrad as tg
    >>> tg.bitwise_or(tg.tensor([5, 6]), 3)
    tensor([7, 7])
    """
    return _of_bits(xp.bitwise_or, input, other, out)


@primitive(
    elementwise=True,
    formula=r"x \oplus y",
    onnx="BitwiseXor",
    samples=integers,
    errors=_no_floats,
    methods="bitwise_xor __xor__ __rxor__",
    inplace=True,
)
def bitwise_xor(xp, input, other, *, out=None):
    """Return the bits that are set in one of two integers but not in both; for bool, whether they differ.

    >>> import tapegrad as tg
    >>> tg.bitwise_xor(tg.tensor([5, 6]), 3)
    tensor([6, 5])
    """
    return _of_bits(xp.bitwise_xor, input, other, out)


@primitive(
    elementwise=True,
    formula=r"x \cdot 2^y",
    samples=integers,
    errors=_no_floats,
    methods="bitwise_left_shift __lshift__ __rlshift__",
    inplace=True,
)
def bitwise_left_shift(xp, input, other, *, out=None):
    """Return integers with their bits moved to the left.

    >>> import tapegrad as tg
    >>> tg.bitwise_left_shift(tg.tensor([5, 6]), 3)
    tensor([40, 48])
    """
    return _of_bits(xp.left_shift, input, other, out)


@primitive(
    elementwise=True,
    formula=r"\lfloor x / 2^y \rfloor",
    samples=integers,
    errors=_no_floats,
    methods="bitwise_right_shift __rshift__ __rrshift__",
    inplace=True,
)
def bitwise_right_shift(xp, input, other, *, out=None):
    """Return integers with their bits moved to the right; the sign stays.

    >>> import tapegrad as tg
    >>> tg.bitwise_right_shift(tg.tensor([5, 6]), 3)
    tensor([0, 0])
    """
    return _of_bits(xp.right_shift, input, other, out)


@primitive(
    elementwise=True,
    formula=r"\lnot x",
    onnx="BitwiseNot",
    samples=lambda: [Sample(Array(3, low=-4, high=4, dtype="int64")), Sample(Array(2, 2, dtype="bool"))],
    methods="bitwise_not __invert__",
    inplace=True,
)
def bitwise_not(xp, input, *, out=None):
    """Return integers with every bit turned; for bool, the opposite.

    >>> import tapegrad as tg
    >>> tg.bitwise_not(tg.tensor([True, False]))
    tensor([False,  True])
    """
    return xp.invert(input, out=out)


# -- kinds of numbers -------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    formula=r"[x \text{ is nan}]",
    onnx="IsNaN",
    samples=singles,
    methods="isnan",
)
def isnan(xp, input, *, out=None):
    """Return whether elements are nan.

    >>> import tapegrad as tg
    >>> tg.isnan(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([False,  True, False])
    """
    return xp.isnan(input, out=out)


@primitive(
    elementwise=True,
    formula=r"[|x| = \infty]",
    onnx="IsInf",
    samples=singles,
    methods="isinf",
)
def isinf(xp, input, *, out=None):
    """Return whether elements are inf or -inf.

    >>> import tapegrad as tg
    >>> tg.isinf(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([False, False,  True])
    """
    return xp.isinf(input, out=out)


@primitive(
    elementwise=True,
    formula=r"[|x| < \infty]",
    samples=singles,
    methods="isfinite",
)
def isfinite(xp, input, *, out=None):
    """Return whether elements are neither inf nor -inf nor nan.

    >>> import tapegrad as tg
    >>> tg.isfinite(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([ True, False, False])
    """
    return xp.isfinite(input, out=out)


@primitive(
    elementwise=True,
    formula=r"[x = \infty]",
    samples=singles,
    methods="isposinf",
)
def isposinf(xp, input, *, out=None):
    """Return whether elements are inf.

    >>> import tapegrad as tg
    >>> tg.isposinf(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([False, False, False])
    """
    return xp.isposinf(input, out=out)


@primitive(
    elementwise=True,
    formula=r"[x = -\infty]",
    samples=singles,
    methods="isneginf",
)
def isneginf(xp, input, *, out=None):
    """Return whether elements are -inf.

    >>> import tapegrad as tg
    >>> tg.isneginf(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([False, False,  True])
    """
    return xp.isneginf(input, out=out)


@primitive(
    elementwise=True,
    formula=r"[\mathrm{sign}(x) = -1]",
    samples=singles,
    methods="signbit",
)
def signbit(xp, input, *, out=None):
    """Return whether the sign of elements is set: whether they are negative or -0.0.

    >>> import tapegrad as tg
    >>> tg.signbit(tg.tensor([1.0, float("nan"), -float("inf")]))
    tensor([False, False,  True])
    """
    return xp.signbit(input, out=out)
