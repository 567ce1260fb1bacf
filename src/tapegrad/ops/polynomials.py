"""Orthogonal polynomials, element by element, by their recurrences: https://dlmf.nist.gov/18.9. They have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..array import get_default_dtype
from ..core import Array, Sample, Tensor, function, ops, primitive

__all__: list[str] = []


def _three_term(x: Any, previous: Any, value: Any, k: int, family: str) -> Any:
    """Return the polynomial of degree k + 1 from those of degrees k and k - 1."""
    if family == "hermite_h":
        return 2 * x * value - 2 * k * previous
    if family == "hermite_he":
        return x * value - k * previous
    if family == "laguerre":
        return ((2 * k + 1 - x) * value - k * previous) / (k + 1)
    if family == "legendre":
        return ((2 * k + 1) * x * value - k * previous) / (k + 1)
    return 2 * x * value - previous


def _degree_one(x: Any, family: str) -> Any:
    first = {"t": x, "legendre": x, "hermite_he": x, "v": 2 * x - 1, "w": 2 * x + 1, "laguerre": 1 - x}
    return first.get(family, 2 * x)


def _at_one(xp, x, n, family):
    """Return the values at 1 and -1 of the families on that interval."""
    odd = n % 2 == 1
    right, left = {"t": (1, 1), "legendre": (1, 1), "u": (n + 1, n + 1), "v": (1, 2 * n + 1), "w": (2 * n + 1, 1)}[
        family
    ]
    return xp.where(x > 0, right, xp.where(odd, -left, left))


def _by_angle(xp, x, n, family):
    """Return Chebyshev polynomials inside of the interval, from the cosine that x is."""
    angle = xp.arccos(x)
    if family == "t":
        return xp.cos(n * angle)
    if family == "u":
        return xp.sin((n + 1) * angle) / xp.sin(angle)
    if family == "v":
        return xp.cos((n + 0.5) * angle) / xp.cos(angle / 2)
    return xp.sin((n + 0.5) * angle) / xp.sin(angle / 2)


def _recurrence(xp, x, n, family):
    previous, value = xp.ones_like(x), _degree_one(x, family)
    out = xp.where(n == 0, previous, xp.where(n == 1, value, xp.zeros_like(x)))
    for k in range(1, int(n.max(initial=0))):
        previous, value = value, _three_term(x, previous, value, k, family)
        out = xp.where(n == k + 1, value, out)
    return out


# The degree from which on Hermite polynomials count as overflown, by the size of the dtype.
_HERMITE_LIMIT = {2: 128, 4: 128, 8: 512}


@primitive(
    elementwise=True,
    promote="float",
    formula=r"P_n(x)",
    samples=lambda: [
        Sample((3, 4), Array(4, low=0.0, high=12.0), family=f)
        for f in ("t", "u", "v", "w", "hermite_h", "hermite_he", "laguerre", "legendre")
    ],
    torch="",
)
def orthogonal_polynomial(xp, input, n, *, family):
    """Return the polynomials of a family, of the degree that the second input gives (its fraction cut off), at the first."""
    dtype = (input if hasattr(input, "dtype") else n).dtype
    x, n = xp.broadcast_arrays(xp.asarray(input, xp.float64), xp.trunc(xp.asarray(n, xp.float64)))
    with xp.errstate(all="ignore"):
        if family.startswith("hermite"):
            high = n >= _HERMITE_LIMIT[dtype.itemsize]
            out = xp.where(high, xp.nan, _recurrence(xp, x, xp.where(high, 0, n), family))
        elif family == "laguerre":
            out = xp.where((x == 0) & (n >= 0), 1.0, _recurrence(xp, x, n, family))
        else:
            angular = (n > 8) & (xp.abs(x) < 1) & (family != "legendre")
            ends = (xp.abs(x) == 1) & (n >= 0)
            steps = xp.where(angular | ends, 0, n)
            out = xp.where(angular, _by_angle(xp, x, n, family), _recurrence(xp, x, steps, family))
            out = xp.where(ends, _at_one(xp, x, n, family), out)
    return out.astype(dtype)


def _polynomial(family: str, name: str, doc: str, shifted: bool = False) -> Callable:
    def polynomial(input: Any, n: Any) -> Tensor:
        if shifted:
            small = isinstance(input, Tensor) and input.dtype.kind in "biu"
            input = (input.to(get_default_dtype()) if small else input) * 2 - 1
        return ops.orthogonal_polynomial(input, n, family=family)

    polynomial.__name__ = polynomial.__qualname__ = name
    polynomial.__doc__ = f"Return {doc} of degree ``n`` at each element; 0 for negative ``n``. It has no gradient."
    return function()(polynomial)


_KINDS = {"t": "first", "u": "second", "v": "third", "w": "fourth"}

chebyshev_polynomial_t, chebyshev_polynomial_u, chebyshev_polynomial_v, chebyshev_polynomial_w = (
    _polynomial(f, f"chebyshev_polynomial_{f}", f"the Chebyshev polynomial of the {kind} kind")
    for f, kind in _KINDS.items()
)
(
    shifted_chebyshev_polynomial_t,
    shifted_chebyshev_polynomial_u,
    shifted_chebyshev_polynomial_v,
    shifted_chebyshev_polynomial_w,
) = (
    _polynomial(
        f, f"shifted_chebyshev_polynomial_{f}", f"the Chebyshev polynomial of the {kind} kind in 2x - 1,", shifted=True
    )
    for f, kind in _KINDS.items()
)
hermite_polynomial_h = _polynomial("hermite_h", "hermite_polynomial_h", "the physicist's Hermite polynomial")
hermite_polynomial_he = _polynomial("hermite_he", "hermite_polynomial_he", "the probabilist's Hermite polynomial")
laguerre_polynomial_l = _polynomial("laguerre", "laguerre_polynomial_l", "the Laguerre polynomial")
legendre_polynomial_p = _polynomial("legendre", "legendre_polynomial_p", "the Legendre polynomial")
