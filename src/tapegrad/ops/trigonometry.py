"""Trigonometric and hyperbolic functions and their inverses, element by element. Angles are in radians."""

from __future__ import annotations

import math

from ..core import Tensor, function, ops, primitive
from .samples import between, singles

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
]

# sinc(x) = 1 - c x^2 + ... with c = π²/6, so that its second derivative at 0 is -2 c.
_SINC_CURVATURE = math.pi**2 / 3


# -- circular functions -----------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.cos(input),),
    formula=r"\sin x",
    derivative=r"\cos x",
    onnx="Sin",
    samples=singles,
    methods="sin",
    inplace=True,
)
def sin(xp, input, *, out=None):
    """Return the sine of each element.

    >>> import tapegrad as tg
    >>> tg.sin(tg.tensor([0.0, 1.5708]))
    tensor([0., 1.])
    """
    with xp.errstate(invalid="ignore"):
        return xp.sin(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: -g * ops.sin(input),),
    formula=r"\cos x",
    derivative=r"-\sin x",
    onnx="Cos",
    samples=singles,
    methods="cos",
    inplace=True,
)
def cos(xp, input, *, out=None):
    """Return the cosine of each element.

    >>> import tapegrad as tg
    >>> tg.cos(tg.tensor([0.0, 3.1416]))
    tensor([ 1., -1.])
    """
    with xp.errstate(invalid="ignore"):
        return xp.cos(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (1 + out * out),),
    formula=r"\tan x",
    derivative=r"1 + \tan^2 x",
    onnx="Tan",
    samples=lambda: between(-1.2, 1.2),
    methods="tan",
    inplace=True,
)
def tan(xp, input, *, out=None):
    """Return the tangent of each element.

    >>> import tapegrad as tg
    >>> tg.tan(tg.tensor([0.0, 0.7854]))
    tensor([0.0000, 1.0000])
    """
    with xp.errstate(invalid="ignore"):
        return xp.tan(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.rsqrt(1 - input * input),),
    formula=r"\arcsin x",
    derivative=r"1 / \sqrt{1 - x^2}",
    onnx="Asin",
    samples=lambda: between(-0.9, 0.9),
    methods="asin arcsin",
    inplace=True,
)
def asin(xp, input, *, out=None):
    """Return the angle whose sine is each element, from -π/2 to π/2 (nan outside -1 to 1).

    >>> import tapegrad as tg
    >>> tg.asin(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """
    with xp.errstate(all="ignore"):
        return xp.arcsin(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: -g * ops.rsqrt(1 - input * input),),
    formula=r"\arccos x",
    derivative=r"-1 / \sqrt{1 - x^2}",
    onnx="Acos",
    samples=lambda: between(-0.9, 0.9),
    methods="acos arccos",
    inplace=True,
)
def acos(xp, input, *, out=None):
    """Return the angle whose cosine is each element, from 0 to π (nan outside -1 to 1).

    >>> import tapegrad as tg
    >>> tg.acos(tg.tensor([1.0, -1.0]))
    tensor([0.0000, 3.1416])
    """
    with xp.errstate(all="ignore"):
        return xp.arccos(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / (1 + input * input),),
    formula=r"\arctan x",
    derivative=r"1 / (1 + x^2)",
    onnx="Atan",
    samples=singles,
    methods="atan arctan",
    inplace=True,
)
def atan(xp, input, *, out=None):
    """Return the angle whose tangent is each element, from -π/2 to π/2.

    >>> import tapegrad as tg
    >>> tg.atan(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """
    return xp.arctan(input, out=out)


# -- hyperbolic functions ---------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.cosh(input),),
    formula=r"\sinh x",
    derivative=r"\cosh x",
    onnx="Sinh",
    samples=singles,
    methods="sinh",
    inplace=True,
)
def sinh(xp, input, *, out=None):
    """Return the hyperbolic sine of each element.

    >>> import tapegrad as tg
    >>> tg.sinh(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """
    with xp.errstate(all="ignore"):
        return xp.sinh(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.sinh(input),),
    formula=r"\cosh x",
    derivative=r"\sinh x",
    onnx="Cosh",
    samples=singles,
    methods="cosh",
    inplace=True,
)
def cosh(xp, input, *, out=None):
    """Return the hyperbolic cosine of each element.

    >>> import tapegrad as tg
    >>> tg.cosh(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """
    with xp.errstate(all="ignore"):
        return xp.cosh(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (1 - out * out),),
    formula=r"\tanh x",
    derivative=r"1 - \tanh^2 x",
    onnx="Tanh",
    samples=singles,
    methods="tanh",
    inplace=True,
)
def tanh(xp, input, *, out=None):
    """Return the hyperbolic tangent of each element: a number between -1 and 1.

    >>> import tapegrad as tg
    >>> tg.tanh(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return xp.tanh(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.rsqrt(input * input + 1),),
    formula=r"\mathrm{arsinh}\, x",
    derivative=r"1 / \sqrt{x^2 + 1}",
    onnx="Asinh",
    samples=singles,
    methods="asinh arcsinh",
    inplace=True,
)
def asinh(xp, input, *, out=None):
    """Return the number whose hyperbolic sine is each element.

    >>> import tapegrad as tg
    >>> tg.asinh(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """
    return xp.arcsinh(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.rsqrt(input * input - 1),),
    formula=r"\mathrm{arcosh}\, x",
    derivative=r"1 / \sqrt{x^2 - 1}",
    onnx="Acosh",
    samples=lambda: between(1.2, 3.0),
    methods="acosh arccosh",
    inplace=True,
)
def acosh(xp, input, *, out=None):
    """Return the number of at least 0 whose hyperbolic cosine is each element (nan below 1).

    >>> import tapegrad as tg
    >>> tg.acosh(tg.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """
    with xp.errstate(all="ignore"):
        return xp.arccosh(input, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g / (1 - input * input),),
    formula=r"\mathrm{artanh}\, x",
    derivative=r"1 / (1 - x^2)",
    onnx="Atanh",
    samples=lambda: between(-0.9, 0.9),
    methods="atanh arctanh",
    inplace=True,
)
def atanh(xp, input, *, out=None):
    """Return the number whose hyperbolic tangent is each element (nan outside -1 to 1).

    >>> import tapegrad as tg
    >>> tg.atanh(tg.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """
    with xp.errstate(all="ignore"):
        return xp.arctanh(input, out=out)


# -- degrees, and sin(πx) / (πx) ----------------------------------------------------------------------------------------


@function(methods="deg2rad", inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Return angles given in degrees in radians.

    >>> import tapegrad as tg
    >>> tg.deg2rad(tg.tensor([180.0]))
    tensor([3.1416])
    """
    return input * (math.pi / 180)


@function(methods="rad2deg", inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Return angles given in radians in degrees.

    >>> import tapegrad as tg
    >>> tg.rad2deg(tg.tensor([3.14159265]))
    tensor([180.])
    """
    return input * (180 / math.pi)


def _sinc_gradient(g, input, out):
    # At 0 the quotient is written so that it is 0 and has the slope -π²/3 there.
    zero = input == 0
    slope = (ops.cos(input * math.pi) - out) / (input + zero) - input * zero * _SINC_CURVATURE
    return g * slope


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_sinc_gradient,),
    formula=r"\sin(\pi x) / (\pi x)",
    derivative=r"(\cos(\pi x) - \mathrm{sinc}\, x) / x",
    samples=lambda: [*between(0.2, 2.0), *between(-2.0, -0.2)],
    methods="sinc",
    inplace=True,
)
def sinc(xp, input):
    """Return the normalised sinc function of each element, which is 1 at 0.

    Source: https://pytorch.org/docs/stable/generated/torch.sinc.html

    >>> import tapegrad as tg
    >>> tg.sinc(tg.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """
    angle = input * math.pi
    zero = angle == 0
    with xp.errstate(invalid="ignore"):
        return xp.where(zero, 1, xp.sin(angle) / (angle + zero)).astype(input.dtype, copy=False)


arcsin = asin
arccos = acos
arctan = atan
arcsinh = asinh
arccosh = acosh
arctanh = atanh
