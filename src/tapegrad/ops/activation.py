"""Activations that are one primitive each; the others are composed in ``functional.activation``.

Where a rule can, it looks at the output alone, so that the input may be overwritten.
"""

from __future__ import annotations

import math

from ..core import Sample, ops, primitive
from . import approximations
from .buffers import MANY
from .elementwise import select
from .samples import singles

__all__: list[str] = []

_ROOT_HALF = math.sqrt(0.5)
_INVERSE_ROOT_TAU = 1 / math.sqrt(2 * math.pi)
_TANH_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


# -- piecewise --------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out, negative_slope: ops.where(out > 0, g, g * negative_slope),),
    formula=r"\max(x, a x)",
    derivative=r"[x > 0] + a [x \le 0]",
    onnx="LeakyRelu",
    samples=lambda: [*singles(), Sample((3, 4), negative_slope=0.0), Sample((3, 4), negative_slope=1.5)],
    torch="nn.functional.leaky_relu",
    inplace=True,
)
def leaky_relu(xp, input, *, negative_slope=0.01, out=None):
    """Return each element, multiplied by ``negative_slope`` (not negative) where it is negative."""
    if 0 < negative_slope <= 1:
        return xp.maximum(input, input * negative_slope, out=out)
    with xp.errstate(invalid="ignore", over="ignore"):
        return select(xp, input > 0, input, input * negative_slope, out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(
        lambda g, input, weight: ops.where(input > 0, g, g * weight),
        lambda g, input: ops.where(input > 0, 0.0, g * input),
    ),
    formula=r"\max(x, 0) + a \min(x, 0)",
    derivative=r"[x > 0] + a [x \le 0], \min(x, 0)",
    onnx="PRelu",
    samples=lambda: [Sample((2, 3, 4), (3, 1)), Sample((3, 4), (1,)), Sample((), ()), Sample((0, 2), (2,))],
    torch="",
)
def parametric_relu(xp, input, weight, *, out=None):
    """Return each element, multiplied by a weight that broadcasts where it is negative."""
    with xp.errstate(invalid="ignore", over="ignore"):
        return select(xp, input > 0, input, input * weight, out)


@primitive(
    elementwise=True,
    vjp=(lambda g, out, min_val, max_val: g * ((out > min_val) & (out < max_val)),),
    formula=r"\min(\max(x, a), b)",
    derivative=r"[a < x < b]",
    onnx="Clip",
    samples=lambda: [*singles(), Sample((3, 4), min_val=-0.5, max_val=3.0)],
    torch="nn.functional.hardtanh",
    inplace=True,
)
def hardtanh(xp, input, *, min_val=-1.0, max_val=1.0, out=None):
    """Return each element, at least ``min_val`` and at most ``max_val``. The gradient at these is 0."""
    return xp.clip(input, min_val, max_val, out=out)


@primitive(
    elementwise=True,
    vjp=(lambda g, input: g * (3 * ops.pow(ops.relu(input), 2)),),
    formula=r"\max(x, 0)^3",
    derivative=r"3 \max(x, 0)^2",
    samples=singles,
    torch="",
)
def relu3(xp, input, *, out=None):
    """Return the cube of each element, or 0 where it is negative."""
    with xp.errstate(over="ignore"):
        fast = input.size > MANY and input.dtype.kind == "f"
        positive = input.clip(0, math.inf) if fast else xp.maximum(input, 0)
        return xp.multiply(positive * positive, positive, out=out)


# -- exponential ------------------------------------------------------------------------------------------------------


def _elu_gradient(g, out, alpha, scale, input_scale):
    return ops.where(out > 0, g * scale, g * (input_scale * (out + alpha * scale)))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_elu_gradient,),
    formula=r"s \begin{cases} x & x > 0 \\ a (e^{k x} - 1) & \text{else} \end{cases}",
    derivative=r"s \begin{cases} 1 & x > 0 \\ a k e^{k x} & \text{else} \end{cases}",
    onnx="Elu",
    samples=lambda: [*singles(), Sample((3, 4), alpha=0.5, scale=1.2, input_scale=2.0)],
    torch="ops.aten.elu",
    inplace=True,
)
def elu(xp, input, *, alpha=1.0, scale=1.0, input_scale=1.0, out=None):
    """Return the scaled exponential linear unit: linear above 0, exponential below. ``alpha`` is not negative."""
    # One of the two terms is 0.
    below = input.clip(-math.inf, 0) if input.size > MANY else xp.minimum(input, 0)
    above = input.clip(0, math.inf) if input.size > MANY else xp.maximum(input, 0)
    with xp.errstate(over="ignore"):
        below = below if input_scale == 1 else below * input_scale
    below = xp.expm1(below)
    below = below if alpha * scale == 1 else below * (alpha * scale)
    return xp.add(above if scale == 1 else above * scale, below, out=out)


def _gelu_gradient(g, input, approximate):
    """The gradient g (Phi(x) + x phi(x)). Beyond 40 phi is 0, and x² would overflow before that shows."""
    x = ops.hardtanh(input, min_val=-40.0, max_val=40.0)
    if approximate == "none":
        density = _INVERSE_ROOT_TAU * ops.exp(-0.5 * (x * x))
        return g * (0.5 * (1 + ops.erf(x * _ROOT_HALF)) + x * density)
    t = ops.tanh(x * (_TANH_SCALE + _TANH_SCALE * _CUBIC * (x * x)))
    slope = _TANH_SCALE + 3 * _TANH_SCALE * _CUBIC * (x * x)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


def _erf(xp, x):
    """Return the error function: in a form that a loop over elements can take over, where that is exact enough."""
    return approximations.erf_fast(xp, x) if x.dtype == xp.float32 else ops.erf(x)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_gelu_gradient,),
    formula=r"x \, \Phi(x)",
    derivative=r"\Phi(x) + x \varphi(x)",
    onnx="Gelu",
    samples=lambda: [*singles(), Sample((3, 4), approximate="tanh")],
    torch="nn.functional.gelu",
)
def gelu(xp, input, *, approximate="none", out=None):
    """Return each element times the probability that a standard normal variable is below it."""
    if approximate == "none":
        twice = _erf(xp, input * _ROOT_HALF) + 1
    else:
        x = xp.clip(input, -40, 40)
        twice = xp.tanh(x * (_TANH_SCALE + _TANH_SCALE * _CUBIC * (x * x))) + 1
    with xp.errstate(invalid="ignore"):
        return xp.multiply(input, twice * 0.5, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.sigmoid(-input),),
    formula=r"-\ln(1 + e^{-x})",
    derivative=r"\sigma(-x)",
    samples=singles,
    torch="nn.functional.logsigmoid",
)
def logsigmoid(xp, input, *, out=None):
    """Return the logarithm of the logistic function, exact where that underflows to 0."""
    below = input.clip(-math.inf, 0) if input.size > MANY else xp.minimum(input, 0)
    return xp.subtract(below, xp.log1p(xp.exp(-xp.abs(input))), out=out)
