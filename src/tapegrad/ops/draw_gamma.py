"""Numbers drawn from gamma, Dirichlet and binomial distributions, and how they move with their parameters.

A sample z of a distribution with the cumulative function F(z; a) and the density p moves with a, at a fixed F, by
dz/da = -(dF/da) / p. Source: M. Figurnov et al., "Implicit Reparameterization Gradients" (2018).
dF/da is the integral of p(t) (d ln p(t) / da), over either side of z, since the whole of it is 0. Along s, the distance
from z in the logarithm of t (for the beta distribution that of t / (1 - t)), p(t) / p(z) is the exponential of a concave
function that falls from 0: a sum over nodes is exact, in both tails, and divides by nothing small.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import OptionError, UnsupportedDTypeError
from .draw import _extremes, _stream

__all__ = ["_dirichlet_grad", "_sample_dirichlet", "_standard_gamma", "_standard_gamma_grad", "binomial"]

# exp(-_DEPTH) does not count beside 1.
_DEPTH = 42.0
_BLOCK = 1024


@cache
def _nodes(xp: Any) -> tuple:
    return xp.polynomial.legendre.leggauss(36)


def _end(xp, fall, slope, start):
    """Return where the concave function ``fall`` has come down to -_DEPTH: doubled until below, then Newton's method."""
    s = start
    for _ in range(200):
        high = fall(s) > -_DEPTH
        if not high.any():
            break
        s = xp.where(high, 2 * s, s)
    for _ in range(12):
        s = s - (fall(s) + _DEPTH) / slope(s)
    return s


def _integral(xp, f, end):
    """Return the integral of f from 0 to the end, in two panels: what bends does so near 0."""
    points, weights = _nodes(xp)
    middle = xp.minimum(end / 4, 8.0)
    total = 0.0
    for low, high in ((xp.zeros_like(end), middle), (middle, end)):
        half = (high - low)[..., None] / 2
        total = total + half[..., 0] * (f(low[..., None] + half * (points + 1)) @ weights)
    return total


def _digamma(xp, x):
    """Return the digamma function of positive numbers by its recurrence and asymptotic series (DLMF 5.11.2)."""
    shift = xp.zeros_like(x)
    for _ in range(10):
        low = x < 10
        shift = shift - xp.where(low, 1 / x, 0.0)
        x = xp.where(low, x + 1, x)
    v = 1 / (x * x)
    series = v * (1 / 12 - v * (1 / 120 - v * (1 / 252 - v * (1 / 240 - v * (1 / 132 - v * 691 / 32760)))))
    return shift + xp.log(x) - 0.5 / x - series


def _gamma_motion(xp, a, z):
    """Return dz/da for samples z of the gamma distribution with the shape a and the rate 1."""
    z = xp.maximum(z, xp.finfo(xp.float64).tiny)
    side = xp.where(z <= a, -1.0, 1.0)
    # ln p(t) - ln p(z) at t = z exp(side s)
    a_, z_, side_ = a[..., None], z[..., None], side[..., None]
    end = _end(
        xp,
        lambda s: side * a * s - z * xp.expm1(side * s),
        lambda s: side * (a - z * xp.exp(side * s)),
        1 / (1 + xp.sqrt(a) + z),
    )
    centre = (xp.log(z) - _digamma(xp, a))[..., None]

    def f(s):
        moved = side_ * s
        return xp.exp(a_ * moved - z_ * xp.expm1(moved)) * (centre + moved)

    return (side * z) * _integral(xp, f, end)


def _log_sigmoids(xp, y):
    """Return ln t and ln(1 - t) of y = ln(t / (1 - t))."""
    rest = xp.log1p(xp.exp(-xp.abs(y)))
    return xp.minimum(y, 0.0) - rest, -xp.maximum(y, 0.0) - rest


def _beta_motion(xp, x, a, b):
    """Return (dx/da) / (1 - x) for samples x of the beta distribution with the parameters a and b."""
    limits = xp.finfo(xp.float64)
    x = xp.clip(x, limits.tiny, 1 - limits.epsneg)
    side = xp.where(x * (a + b) <= a, -1.0, 1.0)
    y = xp.log(x) - xp.log1p(-x)
    top = a * xp.log(x) + b * xp.log1p(-x)

    def fall(s):
        log, log_rest = _log_sigmoids(xp, y + side * s)
        return a * log + b * log_rest - top

    def slope(s):
        t = 1 / (1 + xp.exp(-y - side * s))
        return side * (a * (1 - t) - b * t)

    end = _end(xp, fall, slope, 1 / (1 + a + b))
    centre = (_digamma(xp, a) - _digamma(xp, a + b))[..., None]

    def f(s):
        log, log_rest = _log_sigmoids(xp, y[..., None] + side[..., None] * s)
        return xp.exp(a[..., None] * log + b[..., None] * log_rest - top[..., None]) * (log - centre)

    return (side * x) * _integral(xp, f, end)


def _in_float64(xp, f, *arrays):
    """Return a function of arrays that broadcast, computed in float64, in the dtype of the first.

    In blocks, of which the values at all nodes stay in the processor's cache.
    """
    wide = xp.broadcast_arrays(*(xp.asarray(a, xp.float64) for a in arrays))
    flat = [a.reshape(-1) for a in wide]
    out = xp.empty(flat[0].shape, xp.float64)
    with xp.errstate(all="ignore"):
        for start in range(0, out.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = f(xp, *(a[part] for a in flat))
    return out.reshape(wide[0].shape).astype(arrays[0].dtype)


@primitive(
    elementwise=True,
    formula=r"-\frac{\partial P(a, z) / \partial a}{p(z)}",
    samples=lambda: [
        Sample(Array(3, 4, low=0.2, high=6.0), Array(3, 4, low=0.2, high=6.0)),
        Sample(Array(3, low=50.0, high=60.0), Array(2, 3, low=50.0, high=60.0)),
        Sample(Array(0, low=1.0, high=2.0), Array(0, low=1.0, high=2.0)),
    ],
    torch="",
)
def _standard_gamma_grad(xp, input, output):
    """Return how samples of the standard gamma distribution move with their shapes. It has no gradient itself."""
    return _in_float64(xp, _gamma_motion, input, output)


@primitive(
    elementwise=True,
    formula=r"-\frac{\partial I_x(a, n - a) / \partial a}{p(x) (1 - x)}",
    samples=lambda: [
        Sample(Array(3, 4, low=0.1, high=0.9), Array(3, 4, low=0.2, high=3.0), Array(3, 4, low=4.0, high=6.0)),
        Sample(Array(0, low=0.1, high=0.9), Array(0, low=1.0, high=2.0), Array(0, low=3.0, high=4.0)),
    ],
    torch="",
)
def _dirichlet_grad(xp, x, alpha, total):
    """Return how components of Dirichlet samples move with their concentrations, divided by 1 - x.

    ``total``: the sum of the concentrations. It has no gradient itself.
    """
    return _in_float64(xp, lambda xp, x, a, n: _beta_motion(xp, x, a, n - a), x, alpha, total)


def _require_positive(who: str, values: Any) -> None:
    if values.dtype.kind != "f":
        raise UnsupportedDTypeError(who, f"the parameters have dtype {values.dtype}", "make them floating-point")
    if values.size and not values.min() >= 0:
        raise OptionError(who, f"a parameter is negative or nan: {_extremes(values)}", "use positive numbers")


@primitive(
    random=True,
    vjp=(lambda g, input, out: g * ops._standard_gamma_grad(input, out),),
    formula=r"\mathrm{Gamma}(a, 1)",
    derivative=r"-(\partial P(a, z) / \partial a) / p(z)",
    samples=lambda: [Sample(Array(2, 3, low=0.0, high=0.0))],
    errors=lambda: [ErrorSample(OptionError, "negative", Array(2, low=-2.0, high=-1.0))],
    torch="",
)
def _standard_gamma(xp, input, *, generator=None):
    """Return numbers drawn from the gamma distributions whose shapes the tensor holds, with the rate 1.

    Raises OptionError for negative shapes.
    """
    _require_positive("_standard_gamma", input)
    return xp.asarray(_stream("_standard_gamma", generator).standard_gamma(input)).astype(input.dtype)


def _dirichlet_gradient(g, input, out):
    """The gradient: a concentration moves its own component, and the others make room in proportion."""
    total = ops.sum(input, dim=-1, keepdim=True)
    return ops._dirichlet_grad(out, input, total) * (g - ops.sum(g * out, dim=-1, keepdim=True))


@primitive(
    random=True,
    vjp=(_dirichlet_gradient,),
    formula=r"\mathrm{Dirichlet}(a)",
    derivative=r"-(\partial I / \partial a_i) / p(x_i)",
    samples=lambda: [Sample(Array(2, 1, low=1.0, high=2.0))],
    errors=lambda: [ErrorSample(OptionError, "negative", Array(2, low=-2.0, high=-1.0))],
    torch="",
)
def _sample_dirichlet(xp, input, *, generator=None):
    """Return points of the simplex drawn from the Dirichlet distributions of concentrations in the last dimension.

    Raises OptionError for negative concentrations.
    """
    _require_positive("_sample_dirichlet", input)
    stream = _stream("_sample_dirichlet", generator)
    wide = input.astype(xp.float64)
    # Logarithms: all of the gamma numbers of small shapes may be too small for the format.
    with xp.errstate(divide="ignore", invalid="ignore"):
        logs = xp.log(stream.standard_gamma(wide + 1)) - stream.standard_exponential(wide.shape) / wide
        shares = xp.exp(logs - logs.max(axis=-1, keepdims=True, initial=-xp.inf))
    shares /= shares.sum(axis=-1, keepdims=True)
    tiny = xp.finfo(input.dtype)
    return xp.clip(shares.astype(input.dtype), tiny.tiny, 1 - tiny.epsneg if input.shape[-1] > 1 else 1.0)


@primitive(
    random=True,
    promote="same",
    formula=r"\mathrm{Binomial}(n, p)",
    samples=lambda: [Sample(Array(2, 3, low=4.0, high=4.0), Array(2, 3, low=1.0, high=1.0))],
    errors=lambda: [
        ErrorSample(OptionError, "outside", Array(2, low=2.0, high=3.0), Array(2, low=2.0, high=3.0)),
        ErrorSample(OptionError, "negative", Array(2, low=-2.0, high=-1.0), Array(2, low=0.0, high=1.0)),
    ],
    torch="",
)
def binomial(xp, count, prob, *, generator=None):
    """Return how many of ``count`` trials succeed, each with the probability ``prob``, element by element.

    The tensors broadcast; the result has the dtype of ``count``, a floating one, and no gradient flows to either.
    Raises OptionError for probabilities outside [0, 1] and for negative counts.
    Source: https://pytorch.org/docs/stable/generated/torch.binomial.html

    >>> import tapegrad as tg
    >>> tg.binomial(tg.tensor([3.0, 4.0]), tg.tensor([1.0, 0.0]))
    tensor([3., 0.])
    """
    _require_positive("binomial", count)
    _require_positive("binomial", prob)
    if prob.size and not prob.max() <= 1:
        raise OptionError("binomial", f"a probability lies outside [0, 1]: {_extremes(prob)}", "clamp them")
    drawn = _stream("binomial", generator).binomial(count.astype(xp.int64), prob.astype(xp.float64))
    return xp.asarray(drawn).astype(count.dtype)
