"""The normal distribution's functions, and entropies, element by element.

ndtri after M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37
(1988), 477-484; erfcx after M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x",
Mathematics of Computation 36 (1981), 249-253, with coefficients of our own.
"""

from __future__ import annotations

import math

from ..core import Array, Sample, Tensor, function, ops, primitive
from . import chebyshev
from .approximations import erfc, fill, horner
from .cylinder import chebyshev_sum
from .samples import between
from .special import in_float64

__all__: list[str] = []

_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_PI = math.sqrt(2 * math.pi)
_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_2_BY_PI = math.sqrt(2 / math.pi)

# Numerators and denominators of algorithm AS 241, from the highest power down: the middle, the flanks, the far tails.
_MIDDLE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_FLANK = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


# -- the scaled error function ----------------------------------------------------------------------------------------


def _scaled_erfc(xp, x):
    size = xp.minimum(xp.abs(x), 1e300)
    right = chebyshev_sum(chebyshev.ERFCX, (size - 3.75) / (size + 3.75)) / (1 + 2 * size)
    # exp(x²) with the square split so that its rounding does not show.
    head = xp.floor(size * 16) / 16
    square = xp.where(size < 30, xp.exp(head * head) * xp.exp((size - head) * (size + head)), xp.inf)
    return xp.where(x < 0, 2 * square - right, xp.where(x == xp.inf, 0.0, right)) + 0 * xp.where(xp.isnan(x), x, 0)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, out: g * (2 * input * out - _TWO_BY_ROOT_PI),),
    formula=r"e^{x^2} \mathrm{erfc}(x)",
    derivative=r"2 x\, \mathrm{erfcx}(x) - 2 / \sqrt{\pi}",
    samples=lambda: [*between(-2.0, 2.0), Sample(Array(4, 5, low=1.0, high=9.0))],
    torch="special.erfcx",
)
def erfcx(xp, input):
    """Return ``exp(x²) erfc(x)`` of each element, which does not underflow.

    Source: https://pytorch.org/docs/stable/special.html#torch.special.erfcx

    >>> import tapegrad as tg
    >>> tg.special.erfcx(tg.tensor([0.0, 1.0, 100.0]))
    tensor([1.0000, 0.4276, 0.0056])
    """
    return in_float64(xp, _scaled_erfc, input)


# -- the normal distribution ------------------------------------------------------------------------------------------


@function()
def ndtr(input: Tensor) -> Tensor:
    """Return the area under the normal distribution's density up to each element.

    >>> import tapegrad as tg
    >>> tg.special.ndtr(tg.tensor([-1.0, 0.0]))
    tensor([0.1587, 0.5000])
    """
    return ops.erfc(input * -_ROOT_HALF) * 0.5


def _log_area(xp, x):
    z = x * _ROOT_HALF
    left = xp.minimum(z, 0)
    below = xp.log(_scaled_erfc(xp, -left) / 2) - left * left
    return xp.where(x < -1, below, xp.log1p(-erfc(xp, xp.maximum(z, -1.0)) / 2))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * (_ROOT_2_BY_PI / ops.erfcx(input * -_ROOT_HALF)),),
    formula=r"\ln \Phi(x)",
    derivative=r"\sqrt{2 / \pi} / \mathrm{erfcx}(-x / \sqrt{2})",
    samples=lambda: [*between(-3.0, 3.0), Sample(Array(4, 5, low=-30.0, high=-2.0))],
    torch="special.log_ndtr",
)
def log_ndtr(xp, input):
    """Return the logarithm of :func:`ndtr` of each element, exact in the tails.

    >>> import tapegrad as tg
    >>> tg.special.log_ndtr(tg.tensor([-100.0, 0.0]))
    tensor([-5.0055e+03, -6.9315e-01])
    """
    return in_float64(xp, _log_area, input)


def _rational(parts, x):
    return horner(parts[0], x) / horner(parts[1], x)


def _quantile(xp, p):
    q = p - 0.5
    smaller = xp.where(q < 0, p, 1 - p)
    root = xp.sqrt(-xp.log(smaller))
    out = xp.full_like(p, xp.nan)
    middle, inside = xp.abs(q) <= 0.425, (p > 0) & (p < 1)
    fill(out, middle, lambda v: v * _rational(_MIDDLE, 0.180625 - v * v), q)
    fill(out, inside & ~middle & (root <= 5), lambda r, v: xp.copysign(_rational(_FLANK, r - 1.6), v), root, q)
    fill(out, inside & (root > 5), lambda r, v: xp.copysign(_rational(_TAIL, r - 5), v), root, q)
    return xp.where(p == 0, -xp.inf, xp.where(p == 1, xp.inf, out))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (_ROOT_2_PI * ops.exp(out * out / 2)),),
    formula=r"\Phi^{-1}(p)",
    derivative=r"\sqrt{2 \pi}\, e^{\Phi^{-1}(p)^2 / 2}",
    samples=lambda: between(0.02, 0.98),
    torch="special.ndtri",
)
def ndtri(xp, input):
    """Return the number up to which the area under the normal distribution's density is each element.

    -inf at 0, inf at 1, nan outside.

    >>> import tapegrad as tg
    >>> tg.special.ndtri(tg.tensor([0.1587, 0.5]))
    tensor([-0.9998,  0.0000])
    """
    return in_float64(xp, _quantile, input)


# -- entropies ----------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: -g * (1 + ops.log(input)),),
    formula=r"-x \ln x",
    derivative=r"-1 - \ln x",
    samples=lambda: between(0.2, 3.0),
    torch="special.entr",
)
def entr(xp, input):
    """Return ``-x ln x`` of each element, 0 at 0 and -inf below.

    >>> import tapegrad as tg
    >>> tg.special.entr(tg.tensor([-1.0, 0.0, 0.5]))
    tensor([  -inf, 0.0000, 0.3466])
    """
    with xp.errstate(all="ignore"):
        value = xp.where(input < 0, -xp.inf, xp.where(input == 0, 0, -input * xp.log(input)))
    return value.astype(input.dtype, copy=False)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, other: ops.where((input == 0) & (other <= -1), 0, ops.xlog1py(g, other)),
        lambda g, input, other: g * (input / (other + 1)),
    ),
    formula=r"x \ln(1 + y)",
    derivative=r"\ln(1 + y), x / (1 + y)",
    samples=lambda: [
        Sample((3, 4), Array(4, low=-0.6, high=2.0)),
        Sample((2, 1), Array(3, low=-0.6, high=2.0)),
        Sample((2, 3), 1.5),
        Sample(1.5, Array(2, low=-0.6, high=2.0)),
        Sample((0, 2), Array(2, low=-0.6, high=2.0)),
    ],
    torch="special.xlog1py",
)
def xlog1py(xp, input, other):
    """Return ``x ln(1 + y)``, which is 0 where x is 0 (unless y is nan).

    Source: https://pytorch.org/docs/stable/special.html#torch.special.xlog1py

    >>> import tapegrad as tg
    >>> tg.special.xlog1py(tg.tensor([0.0, 2.0]), tg.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """
    dtype = (input if hasattr(input, "dtype") else other).dtype
    other = xp.asarray(other, dtype)
    with xp.errstate(all="ignore"):
        value = xp.where(xp.equal(input, 0) & ~xp.isnan(other), 0, input * xp.log1p(other))
    return value.astype(dtype, copy=False)
