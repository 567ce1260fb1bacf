"""Numerical approximations of the special functions: what their kernels compute. Arrays in, arrays out.

erf and erfc after W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23
(1969), 631-637; the gamma function and its derivatives after the series of the Digital Library of Mathematical
Functions, https://dlmf.nist.gov/5 and https://dlmf.nist.gov/25.11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["BERNOULLI", "erf", "erf_fast", "erfc", "erfinv", "fill", "gamma_log", "horner", "polygamma_of"]

# erf(x) = x A(x²) / B(x²) for |x| <= 0.46875: coefficients from the highest power down.
_A = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
# erfc(x) = exp(-x²) C(x) / D(x) for 0.46875 <= x <= 4.
_C = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
_D = (
    1.0,
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
# erfc(x) = exp(-x²) / x (1/√π - u P(u) / Q(u)) with u = 1/x² for x > 4.
_P = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_Q = (
    1.0,
    2.56852019228982242e0,
    1.87295284992346725e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)
# erf(x) = x N(x²) / M(x²) for |x| <= 4 to 2.5e-8, fitted by iterated least squares on Chebyshev points.
_N = (1.98670429e-6, 2.84544009e-4, 3.88289328e-3, 5.31003448e-2, 1.93536279e-1, 1.12837914)
_M = (3.74181995e-5, 1.18543917e-3, 1.5206368e-2, 1.15346152e-1, 5.0484962e-1, 1.0)
# ζ(k) - 1 for k = 2, 3, ...
_ZETA_LESS_1 = (
    6.4493406684822644e-1,
    2.0205690315959429e-1,
    8.2323233711138192e-2,
    3.6927755143369926e-2,
    1.734306198444914e-2,
    8.3492773819228268e-3,
    4.0773561979443394e-3,
    2.0083928260822144e-3,
    9.9457512781808534e-4,
    4.9418860411946456e-4,
    2.460865533080483e-4,
    1.2271334757848915e-4,
    6.1248135058704829e-5,
    3.0588236307020494e-5,
    1.5282259408651872e-5,
    7.6371976378997623e-6,
    3.8172932649998399e-6,
    1.9082127165539389e-6,
    9.5396203387279611e-7,
    4.7693298678780646e-7,
    2.3845050272773299e-7,
    1.1921992596531107e-7,
    5.960818905125948e-8,
    2.980350351465228e-8,
    1.4901554828365041e-8,
    7.4507117898354295e-9,
    3.7253340247884571e-9,
)
_EULER = 0.57721566490153286
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
# Above this the asymptotic series of the gamma function and its derivatives are exact to the last digit.
_LARGE = 10.0


def horner(coefficients: Sequence[float], x: Any) -> Any:
    """Return a polynomial's values, the coefficients given from the highest power down."""
    total = x * coefficients[0]
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total


def fill(out: Any, where: Any, function: Callable, *arrays: Any) -> None:
    """Set ``out`` to a function of the arrays where a mask is true, computing it there alone."""
    if where.any():
        out[where] = function(*[a[where] for a in arrays])


# -- the error function -------------------------------------------------------------------------------------------------


def erf_fast(xp: Any, x: Any) -> Any:
    """Return erf of a float32 array, computed in float32, to 4e-7 of the value."""
    x = xp.clip(x, -4.0, 4.0)
    square = x * x
    return xp.clip(x * horner(_N, square) / horner(_M, square), -1.0, 1.0)


def _small(x):
    square = x * x
    return x * horner(_A, square) / horner(_B, square)


def _negative_square_exp(xp, x):
    """Return exp(-x²), with the square split so that its rounding does not show."""
    head = xp.floor(x * 16) / 16
    return xp.exp(-head * head) * xp.exp((head - x) * (head + x))


def _near(xp, y):
    """Return erfc of numbers from 0.46875 to 4."""
    return _negative_square_exp(xp, y) * horner(_C, y) / horner(_D, y)


def _far(xp, y):
    """Return erfc of numbers above 4; beyond 28 it is less than the smallest number."""
    inverse = 1 / xp.square(y)
    factor = (1 / math.sqrt(math.pi) - inverse * horner(_P, inverse) / horner(_Q, inverse)) / y
    return _negative_square_exp(xp, xp.minimum(y, 28.0)) * factor


def erf(xp: Any, x: Any) -> Any:
    """Return erf of a float64 array with at least one dimension."""
    size = xp.abs(x)
    out = x + 0
    fill(out, size <= 0.46875, _small, x)
    fill(out, (size > 0.46875) & (size <= 4), lambda v, y: xp.copysign(1 - _near(xp, y), v), x, size)
    fill(out, size > 4, lambda v, y: xp.copysign(1 - _far(xp, y), v), x, size)
    return out


def erfc(xp: Any, x: Any) -> Any:
    """Return 1 - erf(x) of a float64 array with at least one dimension, exact for large x too."""
    out = x + 0
    fill(out, xp.abs(x) <= 0.46875, lambda v: 1 - _small(v), x)
    fill(out, (x > 0.46875) & (x <= 4), lambda v: _near(xp, v), x)
    fill(out, x > 4, lambda v: _far(xp, v), x)
    fill(out, (x < -0.46875) & (x >= -4), lambda v: 2 - _near(xp, -v), x)
    fill(out, x < -4, lambda v: 2 - _far(xp, -v), x)
    return out


def erfinv(xp: Any, y: Any) -> Any:
    """Return the x with erf(x) = y of a float64 array with at least one dimension.

    S. Winitzki's approximation from elementary functions begins, three of Halley's steps finish.
    """
    size = xp.abs(y)
    logarithm = xp.log1p(-size * size)
    a = 0.147
    half = 2 / (math.pi * a) + logarithm / 2
    x = xp.sqrt(xp.sqrt(half * half - logarithm / a) - half)
    for _ in range(3):
        # 1 - |y| is exact where the remainder is small, so erfc keeps the digits that erf would lose.
        error = xp.where(size < 0.5, erf(xp, x) - size, (1 - size) - erfc(xp, x))
        step = error * (math.sqrt(math.pi) / 2) * xp.exp(x * x)
        x = x - step / (1 + x * step)
    return xp.copysign(xp.where(size == 1, xp.inf, x), y)


# -- the gamma function -------------------------------------------------------------------------------------------------


def gamma_log(xp: Any, x: Any) -> Any:
    """Return ln |Γ(x)| of a float64 array with at least one dimension."""
    out = xp.full_like(x, xp.nan)
    fill(out, x >= _LARGE, lambda v: _stirling(xp, v), x)
    fill(out, (x > 0) & (x < _LARGE), lambda v: _near_two(xp, v), x)
    fill(out, x <= 0, lambda v: _reflected(xp, v), x)
    return out


def _stirling(xp, x):
    series = horner([b / (2 * j * (2 * j - 1)) for j, b in enumerate(BERNOULLI, 1)][::-1], 1 / (x * x)) / x
    return xp.where(xp.isinf(x), x, (x - 0.5) * xp.log(x) - x + 0.5 * math.log(2 * math.pi) + series)


def _near_two(xp, x):
    """Return ln Γ(x) for x from 0 to 10: Γ(x + 1) = x Γ(x) leads to the Taylor series of ln Γ at 2."""
    t = xp.where(x < 1.5, x - 1, x - 2)
    below = xp.where(x < 0.5, xp.log(x), 0) + xp.where(x < 0.5, xp.log1p(x), xp.where(x < 1.5, xp.log1p(t), 0))
    t = xp.where(x < 0.5, x, t)
    product = xp.ones_like(x)
    while (t > 0.5).any():
        product = xp.where(t > 0.5, product * (t + 1), product)
        t = xp.where(t > 0.5, t - 1, t)
    series = [c * (-1) ** k / k for k, c in enumerate(_ZETA_LESS_1, 2)]
    return t * horner([*series[::-1], 1 - _EULER], t) + xp.log(product) - below


def _reflected(xp, x):
    """Return ln |Γ(x)| for x <= 0 from Γ(x) Γ(1 - x) = π / sin(πx); inf at the poles and -inf."""
    sine = xp.abs(xp.sin(math.pi * (x - xp.rint(x))))
    return xp.where(xp.isinf(x), xp.inf, math.log(math.pi) - xp.log(sine) - gamma_log(xp, 1 - x))


def polygamma_of(xp: Any, n: int, x: Any) -> Any:
    """Return the n-th derivative of the digamma function (itself for n = 0) of a float64 array of any shape."""
    positive = x >= 0.5
    direct = _polygamma_positive(xp, n, xp.where(positive, x, 1 - x))
    if positive.all():
        return direct
    sign = -1 if n % 2 else 1
    return xp.where(positive, direct, sign * direct - _cotangent_derivative(xp, n, x))


def _polygamma_positive(xp, n, x):
    """Shift the argument up until the asymptotic series holds (DLMF 5.5.2, 5.11.2, 5.15.8)."""
    sign = 1 if n % 2 else -1
    shifted = xp.zeros_like(x)
    while (x < _LARGE + n).any():
        low = x < _LARGE + n
        shifted = shifted + xp.where(low, math.factorial(n) * x ** -(n + 1.0), 0)
        x = xp.where(low, x + 1, x)
    head = -xp.log(x) if n == 0 else math.factorial(n - 1) * x**-n
    series = math.factorial(n) / 2 * x ** -(n + 1.0)
    for j, b in enumerate(BERNOULLI, 1):
        series = series + b * math.factorial(2 * j + n - 1) / math.factorial(2 * j) * x ** -(2.0 * j + n)
    return sign * (shifted + head + series)


def _cotangent_derivative(xp, n, x):
    """Return the n-th derivative of π cot(πx): a polynomial in the cotangent, since cot' = -(1 + cot²)."""
    powers = [0.0, 1.0]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(powers)][1:]
        powers = [-(a + b) for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    angle = math.pi * (x - xp.rint(x))
    return math.pi ** (n + 1) * horner(powers[::-1], xp.cos(angle) / xp.sin(angle))
