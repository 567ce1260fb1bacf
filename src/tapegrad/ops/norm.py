"""Normalisation: elements brought to mean 0 and variance 1 over some dimensions, then scaled and shifted.

Every layer that normalises is :func:`standardize` over its own dimensions followed by :func:`affine`.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError
from .buffers import add_up, into, ones
from .groups import Groups, groups_of

__all__: list[str] = []

# Up to so many columns a product and its sum are faster than einsum, which needs no memory for the product.
_NARROW = 256


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
    groups = groups_of(input, dim)
    if groups is not None:
        return _standardize_groups(xp, input, groups, eps, out or (None, None, None))
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


def _standardize_groups(xp: Any, input: Any, groups: Groups, eps: float, out: tuple) -> tuple:
    """Return what :func:`standardize` does, piece by piece."""
    x = groups.view(input)
    mean = xp.true_divide(groups.gathered(groups.sums(xp, x)), groups.size, out=out[1])
    center, result = groups.spread(xp, mean), _memory(xp, groups, x, out[0])
    scratch, squares = groups.scratch(xp, x.dtype), xp.zeros(groups.groups, x.dtype)
    for piece in groups.pieces():
        part = xp.subtract(x[piece], center, out=result[piece])
        squares += groups.sums_of_products(xp, part, part, scratch)
    variance = xp.true_divide(groups.gathered(squares), groups.size, out=out[2])
    with xp.errstate(divide="ignore", invalid="ignore"):
        scale = groups.spread(xp, 1 / xp.sqrt(variance + eps))
        for piece in groups.pieces():
            xp.multiply(result[piece], scale, out=result[piece])
    return _given_back(groups, result, out[0]), mean, variance


def _memory(xp: Any, groups: Groups, like: Any, out: Any) -> Any:
    """Return where to write a result as (before, groups, after): in ``out`` if its memory has that order."""
    return groups.view(out) if out is not None and groups.holds(out) else xp.empty(like.shape, like.dtype)


def _given_back(groups: Groups, result: Any, out: Any) -> Any:
    if out is not None and groups.holds(out):
        return out
    return into(out, groups.restored(result))


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
    groups = groups_of(standard, _shared(scale.shape))
    if groups is not None:
        return _gradient_of_groups(xp, input, standard, scale, groups, out)
    x, direction = _wide(xp, input), _wide(xp, standard)
    size = _group_size(x.shape, scale.shape)
    along = _products(xp, x, direction, scale.shape) / -size
    result = xp.multiply(direction, along, out=None if input.dtype.char == "e" else out)
    result += x
    result -= add_up(xp, x, _shared(scale.shape), True, None) / size
    result *= scale
    return into(out, result.astype(input.dtype)) if input.dtype.char == "e" else result


def _gradient_of_groups(xp: Any, input: Any, standard: Any, scale: Any, groups: Groups, out: Any) -> Any:
    """Return what :func:`standardize_gradient` does, piece by piece."""
    x, direction = groups.view(input), groups.view(standard)
    scratch, total = groups.scratch(xp, x.dtype), xp.zeros(groups.groups, x.dtype)
    for piece in groups.pieces():
        total += groups.sums_of_products(xp, x[piece], direction[piece], scratch)
    along = groups.spread(xp, groups.gathered(total) / groups.size)
    mean = groups.spread(xp, groups.gathered(groups.sums(xp, x)) / groups.size)
    factor = groups.spread(xp, scale)
    result = _memory(xp, groups, x, out)
    for piece in groups.pieces():
        part = xp.multiply(direction[piece], along, out=result[piece])
        xp.add(part, mean, out=part)
        xp.subtract(x[piece], part, out=part)
        xp.multiply(part, factor, out=part)
    return _given_back(groups, result, out)


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
    if x.dtype.char in "fd" and kept == axes[:-1]:
        return xp.vecdot(x, y).reshape(shape)
    if x.dtype.char in "fd" and kept == [1] and x.ndim == 2 and x.shape[1] <= _NARROW:
        return (ones(xp, len(x), x.dtype) @ (x * y)).reshape(shape)
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
