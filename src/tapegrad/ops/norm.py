"""Normalisation: elements brought to mean 0 and variance 1 over some dimensions, then scaled and shifted.

Every layer that normalises is :func:`standardize` over its own dimensions followed by :func:`affine`.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError
from .buffers import add_up, into

__all__: list[str] = []


def _wide(xp: Any, x: Any) -> Any:
    """Return float16 as float32, in which its sums do not overflow."""
    return x.astype(xp.float32) if x.dtype == xp.float16 else x


def _group_size(shape: tuple[int, ...], group_shape: tuple[int, ...]) -> int:
    """Return how many elements share one mean."""
    return math.prod(shape) // (math.prod(group_shape) or 1) or 1


# -- mean 0 and variance 1 ----------------------------------------------------------------------------------------------


def _standardize_gradient(g, out, eps):
    standard, _, variance = out
    if g[1] is None and g[2] is None:
        return ops.standardize_gradient(g[0], standard, ops.rsqrt(variance + eps))
    within = 0 * standard if g[0] is None else _standardize_gradient((g[0], None, None), out, eps)
    return within + _moments_gradient(g, standard, variance, eps)


def _moments_gradient(g, standard, variance, eps):
    """Return the gradient through mean and variance."""
    size = _group_size(standard.shape, variance.shape)
    of_variance = 0 if g[2] is None else standard * (ops.sqrt(variance + eps) * g[2] * 2)
    return ((0 if g[1] is None else g[1]) + of_variance) * (1 / size)


@primitive(
    vjp=(_standardize_gradient,),
    formula=r"\hat{x} = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \quad \mu, \quad \sigma^2",
    derivative=r"\frac{g - \bar{g} - \hat{x} \, \overline{g \hat{x}}}{\sqrt{\sigma^2 + \epsilon}}",
    onnx="MeanVarianceNormalization",
    samples=lambda: [
        Sample((4, 3), dim=(0,)),
        Sample((2, 3, 4), dim=(0, 2)),
        Sample((2, 3, 2, 2), dim=(0, 2, 3), eps=0.1),
        Sample((3, 5), dim=(-1,)),
        Sample((0, 3), dim=(1,)),
    ],
    errors=lambda: [ErrorSample(DTypeError, "int64", Array(2, 3, low=0, high=9, dtype="int64"), dim=(0,))],
    torch="",
)
def standardize(xp, input, *, dim, eps=1e-5, out=None):
    """Return the input brought to mean 0 and variance 1 over dimensions, the mean and the biased variance.

    The dimensions stay with size 1 in mean and variance. For float16 these two are float32.
    """
    _check_floating(input.dtype)
    standard, mean, variance = (None, None, None) if out is None else out
    x = _wide(xp, input)
    total = add_up(xp, x, dim, True, None)
    size = _group_size(x.shape, total.shape)
    mean = xp.true_divide(total, size, out=mean)
    deviation = xp.subtract(x, mean, out=None if input.dtype.char == "e" else standard)
    variance = xp.true_divide(_products(xp, deviation, deviation, total.shape), size, out=variance)
    with xp.errstate(divide="ignore", invalid="ignore"):
        deviation *= 1 / xp.sqrt(variance + eps)
    if input.dtype.char == "e":
        deviation = into(standard, deviation.astype(input.dtype))
    return deviation, mean, variance


def _check_floating(dtype: Any) -> None:
    if dtype.kind in "biu":
        raise DTypeError("normalization", f"the input has dtype {dtype}", "convert it with .float()")


def _shared(scale_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the dimensions along which elements share one scale."""
    return tuple(i for i, n in enumerate(scale_shape) if n == 1)


def _turn_gradient(g, input, standard, scale):
    """How the projection moves with the direction that it projects out."""
    dim = _shared(scale.shape)
    along, across = ops.mean(input * standard, dim=dim, keepdim=True), ops.mean(g * standard, dim=dim, keepdim=True)
    return -scale * (g * along + input * across)


@primitive(
    vjp=(
        lambda g, standard, scale: ops.standardize_gradient(g, standard, scale),
        _turn_gradient,
        lambda g, out, scale: ops.sum_products(g, out, shape=scale.shape) / scale,
    ),
    formula=r"s \, (x - \bar{x} - \hat{x} \, \overline{x \hat{x}})",
    derivative=r"s \, (g - \bar{g} - \hat{x} \, \overline{g \hat{x}})",
    samples=lambda: [
        Sample((4, 3), (4, 3), Array(1, 3, low=0.5)),
        Sample((2, 3, 2), (2, 3, 2), Array(1, 3, 1, low=0.5)),
        Sample((3, 5), (3, 5), Array(3, 1, low=0.5)),
        Sample((0, 3), (0, 3), Array(1, 3, low=0.5)),
    ],
    torch="",
)
def standardize_gradient(xp, input, standard, scale, *, out=None):
    """Return the input without its mean and its part along ``standard``, scaled: the gradient of :func:`standardize`.

    ``scale`` has size 1 in the dimensions of a group. The map is linear in the input, and its own adjoint.
    """
    x, direction = _wide(xp, input), _wide(xp, standard)
    size = _group_size(x.shape, scale.shape)
    along = _products(xp, x, direction, scale.shape) / -size
    result = xp.multiply(direction, along, out=None if input.dtype.char == "e" else out)
    result += x
    result -= add_up(xp, x, _shared(scale.shape), True, None) / size
    result *= scale
    return into(out, result.astype(input.dtype)) if input.dtype.char == "e" else result


# -- scale and shift ----------------------------------------------------------------------------------------------------


@primitive(
    promote="same",
    vjp=(lambda g, other: g * other, lambda g, input: g * input),
    formula=r"\sum x y",
    derivative=r"y, x",
    samples=lambda: [
        Sample((3, 4), (3, 4), shape=(1, 4)),
        Sample((2, 3, 4), (2, 3, 4), shape=(4,)),
        Sample((2, 3, 4), (2, 3, 4), shape=(3, 1)),
        Sample((2, 1, 3), (2, 1, 3), shape=(2, 1, 3)),
        Sample((0, 3), (0, 3), shape=(3,)),
    ],
    torch="",
)
def sum_products(xp, input, other, *, shape, out=None):
    """Return the sum of input * other over the dimensions that broadcasting from ``shape`` would stretch."""
    return into(out, _products(xp, input, other, shape))


def _products(xp, x, y, shape):
    axes = list(range(x.ndim))
    first = x.ndim - len(shape)
    kept = [first + i for i, n in enumerate(shape) if n != 1]
    return xp.einsum(x, axes, y, axes, kept).reshape(shape)


@primitive(
    promote="same",
    vjp=(
        lambda g, weight: g if weight is None else g * weight,
        lambda g, input, weight_shape: ops.sum_products(g, input, shape=weight_shape),
        lambda g, bias_shape: ops.sum_to(g, shape=bias_shape),
    ),
    formula=r"w x + b",
    derivative=r"g w, \sum g x, \sum g",
    samples=lambda: [
        Sample((2, 3), (3,), (3,)),
        Sample((2, 3, 2), (3, 1), (3, 1)),
        Sample((2, 3), (1, 3), None),
        Sample((2, 3), None, (3,)),
        Sample((2, 3), None, None),
        Sample((0, 3), (3,), (3,)),
    ],
    torch="",
)
def affine(xp, input, weight=None, bias=None, *, out=None):
    """Return ``input * weight + bias``, weight and bias stretched to the input's shape; always in memory of its own."""
    if weight is None and bias is None:
        return xp.array(input, order="C") if out is None else into(out, input)
    if weight is None:
        return xp.add(input, bias, out=out)
    result = xp.multiply(input, weight, out=out)
    if bias is not None:
        result += bias
    return result
