"""The incomplete gamma functions and the zeta function of Hurwitz, element by element.

Sources: https://dlmf.nist.gov/8 for the series, the continued fraction and the derivative; W. H. Press et al., "Numerical
Recipes", section 6.2, for the quadrature that large parameters want; https://dlmf.nist.gov/25.11 for the zeta function.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from ..core import Array, Sample, ops, primitive
from ..errors import UnsupportedDTypeError
from .approximations import BERNOULLI, fill, gamma_log
from .special import in_float64

__all__ = ["igamma", "igammac"]

_EPSILON = 2.0**-54
_EULER = 0.57721566490153286


def _excess(xp, w):
    """Return w - 1 - ln w, which is 0 at 1 and positive elsewhere."""
    u = w - 1
    return xp.where(xp.abs(u) < 0.5, u - xp.log1p(u), u - xp.log(w))


def _stirling_rest(a):
    """Return what Stirling's formula leaves of ln Γ(a), for a >= 10."""
    inverse = 1 / (a * a)
    total = a * 0
    for j in range(len(BERNOULLI), 0, -1):
        total = total * inverse + BERNOULLI[j - 1] / (2 * j * (2 * j - 1))
    return total / a


def _density(xp, a, x):
    """Return xᵃ exp(-x) / Γ(a), by Stirling's formula where the logarithms would be large."""
    large = a >= 10
    safe = xp.where(large, a, 10.0)
    head = xp.sqrt(safe / (2 * math.pi)) * xp.exp(-_stirling_rest(safe) - safe * _excess(xp, x / safe))
    return xp.where(large, head, xp.exp(a * xp.log(x) - x - gamma_log(xp, a)))


def _series(xp, a, x):
    """Return the lower function by its power series (DLMF 8.7.1)."""
    term = total = 1 / a
    n = a
    while xp.any(term > total * _EPSILON):
        n = n + 1
        term = term * (x / n)
        total = total + term
    return total * _density(xp, a, x)


def _small_complement(xp, a, x):
    """Return the upper function for x < 1.1 and a < 1, where it may be small beside 1."""
    # ln Γ(1 + a) by its Taylor series where 1 + a would lose the digits of a.
    tiny = a * (a * (math.pi**2 / 12) - _EULER)
    logarithm = a * xp.log(x) - xp.where(a < 1e-8, tiny, gamma_log(xp, 1 + a))
    term, total = xp.ones_like(x), xp.zeros_like(x)
    for k in range(1, 25):
        term = term * (-x / k)
        total = total + term / (a + k)
    return -xp.expm1(logarithm) - a * total * xp.exp(logarithm)


def _fraction(xp, a, x):
    """Return the upper function by its continued fraction (DLMF 8.9.2), evaluated forwards by Lentz's method."""
    tiny = 1e-300
    b = x + 1 - a
    c = xp.full_like(x, 1 / tiny)
    d = 1 / xp.where(b == 0, tiny, b)
    h = d
    for i in range(1, 2000):
        an = -i * (i - a)
        b = b + 2
        d = an * d + b
        d = 1 / xp.where(d == 0, tiny, d)
        c = b + an / c
        c = xp.where(c == 0, tiny, c)
        h = h * d * c
        if not xp.any(xp.abs(d * c - 1) > 4 * _EPSILON):
            break
    return h * _density(xp, a, x)


@cache
def _nodes(xp: Any) -> tuple:
    return xp.polynomial.legendre.leggauss(48)


def _tail(xp, a, x):
    """Return the smaller function, the lower one for x < a, by Gauss-Legendre quadrature as far as the tail counts."""
    w = x / a
    level = _excess(xp, w) + 40 / a
    root = xp.sqrt(2 * level)
    end = xp.where(w >= 1, 1 + level + root, xp.maximum(xp.exp(-1 - level), 1 - root))
    for _ in range(4):
        end = end - (_excess(xp, end) - level) * end / (end - 1)
    points, weights = _nodes(xp)
    half = (end - w) / 2
    at = w[..., None] + half[..., None] * (points + 1)
    values = xp.exp(-a[..., None] * _excess(xp, at)) / at
    return xp.abs(half) * (values @ weights) * xp.sqrt(a / (2 * math.pi)) * xp.exp(-_stirling_rest(a))


def incomplete_gamma(xp: Any, a: Any, x: Any, upper: bool) -> Any:
    """Return the regularised incomplete gamma function, the lower or the upper one, of float64 arrays of one shape."""
    low = xp.full_like(x, xp.nan)
    # By which of the two has been computed: the other is 1 minus it.
    complement = xp.zeros(x.shape, bool)
    inside = (a > 0) & (x > 0) & (a < xp.inf) & (x < xp.inf)
    near = inside & (a >= 30) & (x > 0.7 * a) & (x < 1.3 * a)
    small = inside & (a < 1) & (x < 1.1)
    series = inside & ~near & ~small & (x <= a)
    fraction = inside & ~near & ~small & (x > a)
    fill(low, near, lambda p, v: _tail(xp, p, v), a, x)
    fill(low, small, lambda p, v: _small_complement(xp, p, v) if upper else _series(xp, p, v), a, x)
    fill(low, series, lambda p, v: _series(xp, p, v), a, x)
    fill(low, fraction, lambda p, v: _fraction(xp, p, v), a, x)
    complement |= fraction | (near & (x >= a)) | (small & upper)
    out = xp.where(complement == upper, low, 1 - low)
    nothing = (a > 0) & (x == 0) | (a == xp.inf) & (x >= 0) & (x < xp.inf)
    everything = (a == 0) & (x > 0) | (x == xp.inf) & (a >= 0) & (a < xp.inf)
    return xp.where(nothing, float(upper), xp.where(everything, float(not upper), out))


def _in_float64(xp, who, function, first, second):
    """Return a function of two arrays that broadcast, computed in float64, in their dtype."""
    given = first if hasattr(first, "dtype") else second
    if given.dtype.kind not in "f":
        raise UnsupportedDTypeError(who, f"the inputs have dtype {given.dtype}", "convert them with .float()")
    a, x = xp.broadcast_arrays(xp.asarray(first, xp.float64), xp.asarray(second, xp.float64))
    return in_float64(xp, lambda xp, a: function(xp, a, xp.atleast_1d(x)), xp.array(a)).astype(given.dtype)


def _parameters():
    yield Sample(Array(3, 4, low=0.2, high=6.0), Array(3, 4, low=0.2, high=9.0))
    yield Sample(Array(4, low=35.0, high=60.0), Array(2, 4, low=20.0, high=80.0))
    yield Sample(Array(low=1.0, high=2.0), Array(low=1.0, high=2.0))
    yield Sample(Array(0, 2, low=1.0, high=2.0), Array(2, low=1.0, high=2.0))


@primitive(
    elementwise=True,
    promote="common",
    vjp=(
        None,
        lambda g, input, other: g * ops.exp((input - 1) * ops.log(other) - other - ops.lgamma(input)),
    ),
    formula=r"\frac{1}{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt",
    derivative=r"x^{a-1} e^{-x} / \Gamma(a) \text{ with respect to } x",
    samples=_parameters,
    methods="igamma",
    inplace=True,
    torch="special.gammainc",
)
def igamma(xp, input, other):
    """Return the regularised lower incomplete gamma function, its parameter first; it has a gradient for the second.

    Source: https://pytorch.org/docs/stable/special.html#torch.special.gammainc

    >>> import tapegrad as tg
    >>> tg.igamma(tg.tensor([1.0, 4.0]), tg.tensor([1.0, 4.0]))
    tensor([0.6321, 0.5665])
    """
    return _in_float64(xp, "igamma", lambda xp, a, x: incomplete_gamma(xp, a, x, False), input, other)


@primitive(
    elementwise=True,
    promote="common",
    vjp=(
        None,
        lambda g, input, other: -g * ops.exp((input - 1) * ops.log(other) - other - ops.lgamma(input)),
    ),
    formula=r"\frac{1}{\Gamma(a)} \int_x^\infty t^{a-1} e^{-t} dt",
    derivative=r"-x^{a-1} e^{-x} / \Gamma(a) \text{ with respect to } x",
    samples=_parameters,
    methods="igammac",
    inplace=True,
    torch="special.gammaincc",
)
def igammac(xp, input, other):
    """Return 1 minus :func:`igamma`, exact where that is small.

    >>> import tapegrad as tg
    >>> tg.igammac(tg.tensor([1.0, 4.0]), tg.tensor([1.0, 4.0]))
    tensor([0.3679, 0.4335])
    """
    return _in_float64(xp, "igammac", lambda xp, a, x: incomplete_gamma(xp, a, x, True), input, other)


# -- the zeta function --------------------------------------------------------------------------------------------------


def hurwitz_zeta(xp: Any, s: Any, q: Any) -> Any:
    """Return the sum of (q + k)^-s over k >= 0: its first terms, and Euler and Maclaurin's formula for the others."""
    shifted = xp.zeros_like(s)
    power = -s
    inside = (s > 1) & ((q > 0) | (q != xp.floor(q)) & (s == xp.floor(s)))
    base = xp.where(inside, q, 10.0 + s)
    last = base**power
    # The terms count until the formula holds, or until they are too small to show.
    low = base < 10 + s
    while xp.any(low):
        shifted = shifted + xp.where(low, last, 0)
        base = xp.where(low, base + 1, base)
        last = base**power
        low = (base < 10 + s) & ((base < 1) | (last > shifted * _EPSILON))
    rest = last * base / (s - 1) + last / 2
    factor, term = s, last / base
    for j, b in enumerate(BERNOULLI, 1):
        rest = rest + b / math.factorial(2 * j) * factor * term
        factor = factor * (s + 2 * j - 1) * (s + 2 * j)
        term = term / (base * base)
    total = shifted + xp.where(base < 10 + s, 0, rest)
    infinite = (s == 1) | (s > 1) & (q <= 0) & (q == xp.floor(q))
    return xp.where(infinite, xp.inf, xp.where(inside, total, xp.nan))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(None, lambda g, input, other: g * (-input * ops.zeta(input + 1, other))),
    formula=r"\sum_{k=0}^\infty (q + k)^{-s}",
    derivative=r"-s \zeta(s + 1, q) \text{ with respect to } q",
    samples=lambda: [
        Sample(Array(3, 4, low=1.2, high=6.0), Array(3, 4, low=0.5, high=9.0)),
        Sample(Array(low=2.0, high=3.0), Array(2, 3, low=0.5, high=9.0)),
        Sample(2.0, Array(3, low=-2.8, high=-2.2)),
        Sample(Array(0, 2, low=2.0, high=3.0), Array(2, low=0.5, high=9.0)),
    ],
    torch="special.zeta",
)
def zeta(xp, input, other):
    """Return Hurwitz's zeta function of an exponent and a shift; it has a gradient for the shift.

    inf for the exponent 1 and at the poles 0, -1, -2, ... of the shift, nan for exponents below 1, and for those that
    are not whole at a negative shift. Source: https://pytorch.org/docs/stable/special.html#torch.special.zeta

    >>> import tapegrad as tg
    >>> tg.special.zeta(tg.tensor([2.0, 4.0]), 1)
    tensor([1.6449, 1.0823])
    """
    return _in_float64(xp, "zeta", hurwitz_zeta, input, other)
