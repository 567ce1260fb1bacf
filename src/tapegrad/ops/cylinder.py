"""Numerical approximations of the Bessel functions and of the Airy function. Arrays in, arrays out.

Close to the origin a Chebyshev series, where need be beside the logarithm that the function has there; farther out one of
the amplitude that is left when the asymptotic form is divided out: https://dlmf.nist.gov/10.17, 10.40 and 9.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import chebyshev as table
from .approximations import fill

__all__: list[str] = []

_TWO_BY_PI = 2 / math.pi
# ζ = 2/3 x^(3/2) at x = 2.5 and at x = 5, where the asymptotic forms of the Airy function begin.
_ZETA_RIGHT = 2.6352313834736494
_ZETA_LEFT = 7.453559924999299


def chebyshev_sum(coefficients: Sequence[float], t: Any) -> Any:
    """Return the sum of ``c[k] T_k(t)``, by Clenshaw's recurrence."""
    double = t + t
    last, before = coefficients[-1] * (t * 0 + 1), t * 0
    for c in coefficients[-2:0:-1]:
        last, before = double * last - before + c, last
    return t * last - before + coefficients[0]


# -- modified Bessel functions ----------------------------------------------------------------------------------------


def scaled_i0(xp: Any, x: Any) -> Any:
    """Return exp(-|x|) I₀(x)."""
    size, out = xp.abs(x), xp.full_like(x, xp.nan)
    fill(out, size <= 8, lambda v: chebyshev_sum(table.I0_NEAR, v / 4 - 1), size)
    fill(out, size > 8, lambda v: chebyshev_sum(table.I0_FAR, 16 / v - 1) / xp.sqrt(v), size)
    return out


def scaled_i1(xp: Any, x: Any) -> Any:
    """Return exp(-|x|) I₁(x)."""
    size, out = xp.abs(x), xp.full_like(x, xp.nan)
    fill(out, size <= 8, lambda v: v * chebyshev_sum(table.I1_NEAR, v / 4 - 1), size)
    fill(out, size > 8, lambda v: chebyshev_sum(table.I1_FAR, 16 / v - 1) / xp.sqrt(v), size)
    return xp.copysign(out, x)


def unscaled(xp: Any, scaled: Any, x: Any) -> Any:
    """Return ``scaled(x) exp(|x|)``, in two steps, so that it overflows no earlier than the product does."""
    half = xp.exp(xp.abs(x) / 2)
    return scaled(xp, x) * half * half


def _near_k0(xp, x):
    return chebyshev_sum(table.K0_NEAR, x * x / 2 - 1) - xp.log(x / 2) * unscaled(xp, scaled_i0, x)


def _near_k1(xp, x):
    return chebyshev_sum(table.K1_NEAR, x * x / 2 - 1) / x + xp.log(x / 2) * unscaled(xp, scaled_i1, x)


def bessel_k(xp: Any, x: Any, order: int, scaled: bool) -> Any:
    """Return K₀(x) or K₁(x), times exp(x) when ``scaled``: inf at 0, nan below."""
    near, far = ((_near_k0, table.K0_FAR), (_near_k1, table.K1_FAR))[order]
    out = xp.full_like(x, xp.nan)
    fill(out, x == 0, lambda v: v + xp.inf, x)
    fill(out, (x > 0) & (x <= 2), lambda v: near(xp, v) * (xp.exp(v) if scaled else 1), x)
    fill(
        out,
        x > 2,
        lambda v: chebyshev_sum(far, 4 / v - 1) / xp.sqrt(v) * (1 if scaled else xp.exp(-v)),
        x,
    )
    return out


# -- Bessel functions ---------------------------------------------------------------------------------------------------


def _far(xp, x, order, second):
    """Return J or Y of numbers above 8: √(2/(πx)) (P cos χ - Q sin χ), with sine and cosine exchanged for Y."""
    even, odd = ((table.P0_FAR, table.Q0_FAR), (table.P1_FAR, table.Q1_FAR))[order]
    t = 128 / (x * x) - 1
    P, Q = chebyshev_sum(even, t), chebyshev_sum(odd, t) / x
    # cos(x - π/4) and sin(x - π/4), times √2, without the rounding of the difference.
    cosine, sine = xp.cos(x) + xp.sin(x), xp.sin(x) - xp.cos(x)
    if order:
        cosine, sine = sine, -cosine
    wave = P * sine + Q * cosine if second else P * cosine - Q * sine
    return wave / xp.sqrt(math.pi * x)


def _near_y0(xp, x):
    t = x * x / 32 - 1
    return chebyshev_sum(table.Y0_NEAR, t) + _TWO_BY_PI * xp.log(x) * chebyshev_sum(table.J0_NEAR, t)


def _near_y1(xp, x):
    t = x * x / 32 - 1
    first = x * chebyshev_sum(table.J1_NEAR, t)
    return x * chebyshev_sum(table.Y1_NEAR, t) + _TWO_BY_PI * (xp.log(x) * first - 1 / x)


def bessel_j(xp: Any, x: Any, order: int) -> Any:
    """Return J₀(x) or J₁(x)."""
    size, out = xp.abs(x), xp.full_like(x, xp.nan)
    series = (table.J0_NEAR, table.J1_NEAR)[order]
    fill(out, size <= 8, lambda v: v**order * chebyshev_sum(series, v * v / 32 - 1), size)
    fill(out, (size > 8) & (size < xp.inf), lambda v: _far(xp, v, order, False), size)
    return xp.where(x < 0, -out, out) if order else out


def bessel_y(xp: Any, x: Any, order: int) -> Any:
    """Return Y₀(x) or Y₁(x): -inf at 0, nan below."""
    out = xp.full_like(x, xp.nan)
    near = (_near_y0, _near_y1)[order]
    fill(out, x == 0, lambda v: v - xp.inf, x)
    fill(out, (x > 0) & (x <= 8), lambda v: near(xp, v), x)
    fill(out, (x > 8) & (x < xp.inf), lambda v: _far(xp, v, order, True), x)
    return out


# -- the Airy function --------------------------------------------------------------------------------------------------


def _airy_right(xp, x):
    zeta = x * xp.sqrt(x) * (2 / 3)
    amplitude = chebyshev_sum(table.AIRY_RIGHT, 2 * _ZETA_RIGHT / zeta - 1)
    return amplitude * xp.exp(-zeta) / (2 * math.sqrt(math.pi) * xp.sqrt(xp.sqrt(x)))


def _airy_left(xp, x):
    x = -x
    zeta = x * xp.sqrt(x) * (2 / 3)
    t = 2 * xp.square(_ZETA_LEFT / zeta) - 1
    P, Q = chebyshev_sum(table.AIRY_P, t), chebyshev_sum(table.AIRY_Q, t) / zeta
    angle = zeta + math.pi / 4
    return (P * xp.sin(angle) - Q * xp.cos(angle)) / (math.sqrt(math.pi) * xp.sqrt(xp.sqrt(x)))


def airy(xp: Any, x: Any) -> Any:
    """Return Ai(x)."""
    out = xp.full_like(x, xp.nan)
    fill(out, (x > -xp.inf) & (x < -5), lambda v: _airy_left(xp, v), x)
    fill(out, (x >= -5) & (x < 0), lambda v: chebyshev_sum(table.AIRY_LEFT, v / 2.5 + 1), x)
    fill(out, (x >= 0) & (x <= 2.5), lambda v: chebyshev_sum(table.AIRY_MIDDLE, v / 1.25 - 1), x)
    fill(out, (x > 2.5) & (x < xp.inf), lambda v: _airy_right(xp, v), x)
    return out
