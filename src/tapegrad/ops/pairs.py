"""Functions of two tensors, element by element, beyond arithmetic: the larger, the angle, the distance, logarithms."""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import UsageError
from .buffers import into
from .samples import bad_pairs, tensor_pairs

__all__ = [
    "arctan2",
    "atan2",
    "copysign",
    "fmax",
    "fmin",
    "hypot",
    "logaddexp",
    "maximum",
    "minimum",
    "xlogy",
]


def refuse_numbers(who, input, other):
    """Raise UsageError where PyTorch wants two tensors."""
    for x in (input, other):
        if not hasattr(x, "dtype"):
            raise UsageError(who, f"{x} is a number", "wrap it in tapegrad.tensor(...)")


# -- the larger and the smaller -----------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    vjp=(
        lambda g, input, other: ops.where(input == other, g / 2, g * ~(input < other)),
        lambda g, input, other: ops.where(input == other, g / 2, g * ~(other < input)),
    ),
    formula=r"\max(x, y)",
    derivative=r"[x > y], [y > x]",
    onnx="Max",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="maximum",
)
def maximum(xp, input, other, *, out=None):
    """Return the larger of two tensors, element by element; nan if either is nan. Equal elements share the gradient.

    Source: https://pytorch.org/docs/stable/generated/torch.maximum.html

    >>> import tapegrad as tg
    >>> tg.maximum(tg.tensor([1, 4]), tg.tensor([3, 2]))
    tensor([3, 4])
    """
    return xp.maximum(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(
        lambda g, input, other: ops.where(input == other, g / 2, g * ~(input > other)),
        lambda g, input, other: ops.where(input == other, g / 2, g * ~(other > input)),
    ),
    formula=r"\min(x, y)",
    derivative=r"[x < y], [y < x]",
    onnx="Min",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="minimum",
)
def minimum(xp, input, other, *, out=None):
    """Return the smaller of two tensors, element by element; nan if either is nan. Equal elements share the gradient.

    Source: https://pytorch.org/docs/stable/generated/torch.minimum.html

    >>> import tapegrad as tg
    >>> tg.minimum(tg.tensor([1, 4]), tg.tensor([3, 2]))
    tensor([1, 2])
    """
    return xp.minimum(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(
        lambda g, input, other: g * ((input >= other) | ops.isnan(other)),
        lambda g, input, other: g * ~((input >= other) | ops.isnan(other)),
    ),
    formula=r"\max(x, y)",
    derivative=r"[x \ge y], [y > x]",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="fmax",
)
def fmax(xp, input, other, *, out=None):
    """Return the larger of two tensors, element by element; where one is nan, the other.

    Source: https://pytorch.org/docs/stable/generated/torch.fmax.html

    >>> import tapegrad as tg
    >>> tg.fmax(tg.tensor([1.0, float("nan")]), tg.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """
    refuse_numbers("fmax", input, other)
    return xp.fmax(input, other, out=out)


@primitive(
    elementwise=True,
    vjp=(
        lambda g, input, other: g * ((input <= other) | ops.isnan(other)),
        lambda g, input, other: g * ~((input <= other) | ops.isnan(other)),
    ),
    formula=r"\min(x, y)",
    derivative=r"[x \le y], [y < x]",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="fmin",
)
def fmin(xp, input, other, *, out=None):
    """Return the smaller of two tensors, element by element; where one is nan, the other.

    Source: https://pytorch.org/docs/stable/generated/torch.fmin.html

    >>> import tapegrad as tg
    >>> tg.fmin(tg.tensor([1.0, float("nan")]), tg.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """
    refuse_numbers("fmin", input, other)
    return xp.fmin(input, other, out=out)


# -- geometry -----------------------------------------------------------------------------------------------------------


def _inverse_square(input, other):
    """Return 1 / (x² + y²), and 1 at the origin, where the angle has no derivative: the gradient is 0 there."""
    square = input * input + other * other
    return 1 / (square + (square == 0))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, other: g * (other * _inverse_square(input, other)),
        lambda g, input, other: -g * (input * _inverse_square(input, other)),
    ),
    formula=r"\mathrm{atan2}(y, x)",
    derivative=r"x / (x^2 + y^2), -y / (x^2 + y^2)",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="atan2 arctan2",
    inplace=True,
)
def atan2(xp, input, other, *, out=None):
    """Return the angle of the points (``other``, ``input``), in radians from -π to π.

    Source: https://pytorch.org/docs/stable/generated/torch.atan2.html

    >>> import tapegrad as tg
    >>> tg.atan2(tg.tensor([1.0, 0.0]), tg.tensor([1.0, -1.0]))
    tensor([0.7854, 3.1416])
    """
    refuse_numbers("atan2", input, other)
    return xp.arctan2(input, other, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, out: g * (input / out), lambda g, other, out: g * (other / out)),
    formula=r"\sqrt{x^2 + y^2}",
    derivative=r"x / \sqrt{x^2 + y^2}, y / \sqrt{x^2 + y^2}",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="hypot",
    inplace=True,
)
def hypot(xp, input, other, *, out=None):
    """Return the length of the hypotenuse over two legs, without overflow on the way.

    >>> import tapegrad as tg
    >>> tg.hypot(tg.tensor([3.0]), tg.tensor([4.0]))
    tensor([5.])
    """
    refuse_numbers("hypot", input, other)
    return xp.hypot(input, other, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, out: g * (ops.sign(input) * ops.sign(out)), lambda g: ops.copy(g, 0)),
    formula=r"|x|\, \mathrm{sign}(y)",
    derivative=r"\mathrm{sign}(x)\, \mathrm{sign}(y), 0",
    samples=lambda: [*tensor_pairs(), Sample((2, 3), -1.5)],
    errors=bad_pairs,
    methods="copysign",
    inplace=True,
)
def copysign(xp, input, other, *, out=None):
    """Return the magnitude of one tensor with the sign of the other, that of -0.0 too.

    Source: https://pytorch.org/docs/stable/generated/torch.copysign.html

    >>> import tapegrad as tg
    >>> tg.copysign(tg.tensor([1.0, -2.0]), -0.0)
    tensor([-1., -2.])
    """
    return xp.copysign(input, other, out=out)


def log_sum(xp, input, other):
    """Return the logarithm of the sum of two complex exponentials, the larger one taken out."""
    first = input.real >= other.real
    top, rest = xp.where(first, input, other), xp.where(first, other, input)
    with xp.errstate(divide="ignore", invalid="ignore"):
        return xp.log1p(xp.exp(rest - top)) + top


# -- logarithms ---------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, other: g * ops.sigmoid(input - other),
        lambda g, input, other: g * ops.sigmoid(other - input),
    ),
    formula=r"\ln(e^x + e^y)",
    derivative=r"\sigma(x - y), \sigma(y - x)",
    samples=tensor_pairs,
    errors=bad_pairs,
    methods="logaddexp",
)
def logaddexp(xp, input, other, *, out=None):
    """Return the logarithm of the sum of two exponentials, without overflow.

    Source: https://pytorch.org/docs/stable/generated/torch.logaddexp.html

    >>> import tapegrad as tg
    >>> tg.logaddexp(tg.tensor([1000.0]), tg.tensor([1000.0]))
    tensor([1000.6932])
    """
    refuse_numbers("logaddexp", input, other)
    return into(out, log_sum(xp, input, other)) if input.dtype.kind == "c" else xp.logaddexp(input, other, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, other: ops.where((input == 0) & (other <= 0), 0, ops.xlogy(g, other)),
        lambda g, input, other: g * (input / other),
    ),
    formula=r"x \ln y",
    derivative=r"\ln y, x / y",
    samples=lambda: [
        Sample((3, 4), Array(4, low=0.3, high=2.0)),
        Sample((2, 1), Array(3, low=0.3, high=2.0)),
        Sample((2, 3), 1.5),
        Sample(1.5, Array(2, low=0.3, high=2.0)),
        Sample((0, 2), Array(2, low=0.3, high=2.0)),
    ],
    errors=lambda: [ErrorSample(e.kind, e.match, *e.inputs) for e in bad_pairs()],
    methods="xlogy",
    inplace=True,
)
def xlogy(xp, input, other):
    """Return x ln y, which is 0 where x is 0 (unless y is nan).

    Source: https://pytorch.org/docs/stable/generated/torch.xlogy.html

    >>> import tapegrad as tg
    >>> tg.xlogy(tg.tensor([0.0, 2.0]), tg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    dtype = (input if hasattr(input, "dtype") else other).dtype
    other = xp.asarray(other, dtype)
    with xp.errstate(all="ignore"):
        return xp.where(xp.equal(input, 0) & ~xp.isnan(other), 0, input * xp.log(other)).astype(dtype, copy=False)


arctan2 = atan2
