"""The Bessel functions and the Airy function, element by element.

Those with a gradient are those that have one in PyTorch. Where arguments are large PyTorch has some of them to 6 digits only,
so those are held against tables. Source of the derivatives: https://dlmf.nist.gov/10.29.
"""

from __future__ import annotations

from ..core import Array, Sample, Tensor, function, ops, primitive
from . import cylinder
from .samples import between
from .special import in_float64

__all__ = ["i0"]


def _both_sides():
    """Inputs on either side of 0 and of where the approximations change."""
    yield from between(-3.0, 3.0)
    yield Sample(Array(4, 5, low=4.0, high=12.0))


# -- modified Bessel functions ----------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.i1(input),),
    formula=r"I_0(x)",
    derivative=r"I_1(x)",
    samples=_both_sides,
    methods="i0",
    inplace=True,
    torch="special.i0",
)
def i0(xp, input):
    """Return the modified Bessel function of the first kind, of order 0, at each element.

    Source: https://pytorch.org/docs/stable/special.html#torch.special.i0

    >>> import tapegrad as tg
    >>> tg.i0(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.2661])
    """
    return in_float64(xp, lambda xp, x: cylinder.unscaled(xp, cylinder.scaled_i0, x), input)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, out: g * (ops.i1e(input) - ops.sign(input) * out),),
    formula=r"e^{-|x|} I_0(x)",
    derivative=r"e^{-|x|} (I_1(x) - \mathrm{sign}(x) I_0(x))",
    samples=lambda: between(0.5, 12.0),
    torch="special.i0e",
)
def i0e(xp, input):
    """Return :func:`i0` of each element times exp(-|x|), which does not overflow.

    >>> import tapegrad as tg
    >>> tg.special.i0e(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.4658])
    """
    return in_float64(xp, cylinder.scaled_i0, input)


def _i1_gradient(g, input, out):
    zero = input == 0
    return g * ops.where(zero, 0.5, ops.i0(input) - out / ops.where(zero, 1.0, input))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_i1_gradient,),
    formula=r"I_1(x)",
    derivative=r"I_0(x) - I_1(x) / x",
    samples=_both_sides,
    torch="special.i1",
)
def i1(xp, input):
    """Return the modified Bessel function of the first kind, of order 1, at each element.

    >>> import tapegrad as tg
    >>> tg.special.i1(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.5652])
    """
    return in_float64(xp, lambda xp, x: cylinder.unscaled(xp, cylinder.scaled_i1, x), input)


def _i1e_gradient(g, input, out):
    zero = input == 0
    slope = ops.i0e(input) - out * (ops.sign(input) + 1 / ops.where(zero, 1.0, input))
    return g * ops.where(zero, 0.5, slope)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_i1e_gradient,),
    formula=r"e^{-|x|} I_1(x)",
    derivative=r"e^{-|x|} (I_0(x) - (\mathrm{sign}(x) + 1 / x) I_1(x))",
    samples=lambda: between(0.5, 12.0),
    torch="special.i1e",
)
def i1e(xp, input):
    """Return :func:`i1` of each element times exp(-|x|), which does not overflow.

    >>> import tapegrad as tg
    >>> tg.special.i1e(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2079])
    """
    return in_float64(xp, cylinder.scaled_i1, input)


@function()
def modified_bessel_i0(input: Tensor) -> Tensor:
    """Return :func:`i0` of each element."""
    return ops.i0(input)


@function()
def modified_bessel_i1(input: Tensor) -> Tensor:
    """Return :func:`i1` of each element."""
    return ops.i1(input)


@primitive(
    elementwise=True,
    promote="float",
    formula=r"e^x K_\nu(x) \text{ or } K_\nu(x)",
    samples=lambda: [Sample(*s.inputs, order=n, scaled=e) for n in (0, 1) for e in (False, True) for s in _positive()],
    torch="",
)
def bessel_k(xp, input, *, order, scaled=False):
    """Return the modified Bessel function of the second kind, of order 0 or 1, times exp(x) when ``scaled``."""
    return in_float64(xp, lambda xp, x: cylinder.bessel_k(xp, x, order, scaled), input)


def _positive():
    yield from between(0.2, 12.0)


@function()
def modified_bessel_k0(input: Tensor) -> Tensor:
    """Return the modified Bessel function of the second kind, of order 0: inf at 0, nan below; it has no gradient.

    >>> import tapegrad as tg
    >>> tg.special.modified_bessel_k0(tg.tensor([0.0, 1.0]))
    tensor([   inf, 0.4210])
    """
    return ops.bessel_k(input, order=0)


@function()
def modified_bessel_k1(input: Tensor) -> Tensor:
    """Return the modified Bessel function of the second kind, of order 1: inf at 0, nan below; it has no gradient."""
    return ops.bessel_k(input, order=1)


@function()
def scaled_modified_bessel_k0(input: Tensor) -> Tensor:
    """Return :func:`modified_bessel_k0` of each element times exp(x)."""
    return ops.bessel_k(input, order=0, scaled=True)


@function()
def scaled_modified_bessel_k1(input: Tensor) -> Tensor:
    """Return :func:`modified_bessel_k1` of each element times exp(x)."""
    return ops.bessel_k(input, order=1, scaled=True)


# -- Bessel functions ---------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    formula=r"J_0(x)",
    samples=_both_sides,
    torch="",
)
def bessel_j0(xp, input):
    """Return the Bessel function of the first kind, of order 0, at each element; it has no gradient.

    >>> import tapegrad as tg
    >>> tg.special.bessel_j0(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.7652])
    """
    return in_float64(xp, lambda xp, x: cylinder.bessel_j(xp, x, 0), input)


@primitive(
    elementwise=True,
    promote="float",
    formula=r"J_1(x)",
    samples=_both_sides,
    torch="",
)
def bessel_j1(xp, input):
    """Return the Bessel function of the first kind, of order 1, at each element; it has no gradient."""
    return in_float64(xp, lambda xp, x: cylinder.bessel_j(xp, x, 1), input)


@primitive(
    elementwise=True,
    promote="float",
    formula=r"Y_0(x)",
    samples=_positive,
    torch="",
)
def bessel_y0(xp, input):
    """Return the Bessel function of the second kind, of order 0, at each element: -inf at 0, nan below; no gradient."""
    return in_float64(xp, lambda xp, x: cylinder.bessel_y(xp, x, 0), input)


@primitive(
    elementwise=True,
    promote="float",
    formula=r"Y_1(x)",
    samples=_positive,
    torch="",
)
def bessel_y1(xp, input):
    """Return the Bessel function of the second kind, of order 1, at each element: -inf at 0, nan below; no gradient."""
    return in_float64(xp, lambda xp, x: cylinder.bessel_y(xp, x, 1), input)


def _spherical(xp, x):
    size = xp.where(xp.isinf(x), 1.0, x)
    near = xp.abs(x) < 1e-4
    quotient = xp.sin(size) / xp.where(near, 1.0, size)
    return xp.where(xp.isinf(x), 0.0, xp.where(near, 1 - x * x / 6, quotient))


@primitive(
    elementwise=True,
    promote="float",
    formula=r"\sin(x) / x",
    samples=_both_sides,
    torch="special.spherical_bessel_j0",
)
def spherical_bessel_j0(xp, input):
    """Return the spherical Bessel function of order 0, sin(x) / x, at each element; it has no gradient."""
    return in_float64(xp, _spherical, input)


@primitive(
    elementwise=True,
    promote="float",
    formula=r"\mathrm{Ai}(x)",
    samples=lambda: [*_both_sides(), Sample(Array(4, 5, low=-12.0, high=-4.0))],
    torch="",
)
def airy_ai(xp, input):
    """Return the Airy function Ai at each element; it has no gradient.

    Source: https://pytorch.org/docs/stable/special.html#torch.special.airy_ai

    >>> import tapegrad as tg
    >>> tg.special.airy_ai(tg.tensor([0.0, 1.0]))
    tensor([0.3550, 0.1353])
    """
    return in_float64(xp, cylinder.airy, input)
