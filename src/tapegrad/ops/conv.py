"""Convolution and its two adjoints, for any number of dimensions.

With y = conv(x, w) the number <g, conv(x, w)> is linear in each of g, x and w, so its three derivatives
``conv``, ``conv_transpose`` and ``conv_weight`` are each other's gradients, at every order.
"""

from __future__ import annotations

import math

from ..core import Sample, ops, primitive
from .lowering import Lowering
from .reduce import narrowed
from .sliding import window_counts

__all__ = ["conv", "conv_transpose", "conv_weight"]


def _one(n):
    return {"stride": (1,) * n, "padding": ((0, 0),) * n, "dilation": (1,) * n, "groups": 1}


def _cases():
    """Yield x (N, C, *size), w (O, C / groups, *kernel), y (N, O, *counts) and the keywords that make y = conv(x, w)."""
    sparse = {"stride": (2,), "dilation": (2,), "padding": ((1, 1),), "groups": 2}
    uneven = {"stride": (2, 2), "dilation": (1, 1), "padding": ((2, 1), (1, 0)), "groups": 2}
    yield (2, 3, 6), (4, 3, 3), (2, 4, 4), _one(1)
    yield (1, 4, 8), (6, 2, 3), (1, 6, 3), sparse
    yield (2, 2, 5, 4), (3, 2, 3, 2), (2, 3, 3, 3), _one(2)
    yield (2, 3, 4, 5), (2, 3, 1, 1), (2, 2, 4, 5), _one(2)
    yield (1, 2, 6, 5), (4, 1, 3, 2), (1, 4, 4, 3), uneven
    yield (1, 1, 3, 4, 3), (2, 1, 2, 2, 2), (1, 2, 2, 3, 2), _one(3)
    yield (0, 2, 5), (3, 2, 2), (0, 3, 4), _one(1)


def _conv_samples():
    for x, w, y, keywords in _cases():
        yield Sample(x, w, None, **keywords)
        yield Sample(x, w, (y[1],), **keywords)


def _transpose_samples():
    for x, w, y, keywords in _cases():
        yield Sample(y, w, None, size=x[2:], **keywords)
        yield Sample(y, w, (x[1],), size=x[2:], **keywords)


def _weight_samples():
    for x, w, y, keywords in _cases():
        yield Sample(y, x, kernel=w[2:], **keywords)


def _matrix(weight, groups, dtype):
    """Return a weight as the matrices (groups, outputs / groups, channels / groups * taps)."""
    return weight.reshape(groups, len(weight) // groups, math.prod(weight.shape[1:])).astype(dtype, copy=False)


def _working_dtype(xp, dtype):
    """Return the dtype to multiply and add in: float16 has no fast products, and sums in it lose too much."""
    return xp.dtype(xp.float32) if dtype == xp.float16 else dtype


def _per_channel(bias, ndim):
    return bias.reshape(-1, *(1,) * (ndim - 2))


def _all_but_channels(g):
    return (0, *range(2, g.ndim))


def _is_product(weight, stride, padding):
    """Return whether every window is one element, so that the columns are the input itself."""
    return math.prod(weight.shape[2:]) == 1 and all(s == 1 for s in stride) and not any(map(any, padding))


def _multiply_channels(xp, matrix, input, out):
    """Write the products of the matrices of a weight with the channels at each place into ``out``."""
    groups, rows, inner = matrix.shape
    images, places = len(input), math.prod(input.shape[2:])
    xp.matmul(matrix, input.reshape(images, groups, inner, places), out=out.reshape(images, groups, rows, places))


@primitive(
    promote="same",
    vjp=(
        lambda g, weight, input_shape, stride, padding, dilation, groups: ops.conv_transpose(
            g, weight, None, size=input_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, input, weight_shape, stride, padding, dilation, groups: ops.conv_weight(
            g, input, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g: ops.sum(g, dim=_all_but_channels(g)),
    ),
    formula=r"y_{o,i} = b_o + \sum_{c,k} w_{o,c,k} \, x_{c,\, s i + d k - p}",
    derivative=r"\sum_{o,k} w_{o,c,k}, \sum_i x_{c,\, s i + d k - p}, 1",
    onnx="Conv",
    samples=_conv_samples,
    torch="",
)
def conv(xp, input, weight, bias=None, *, stride, padding, dilation, groups):
    """Return the convolution (without flipping the kernel) of images with a weight, plus a bias for each output channel.

    Shapes: input (N, C, *size), weight (O, C / groups, *kernel), bias (O); result (N, O, *counts).
    ``stride`` and ``dilation`` have a number and ``padding`` a (before, after) pair for each of the last dimensions;
    padding is with zeros.
    """
    counts = window_counts(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    dtype = _working_dtype(xp, input.dtype)
    out = xp.empty((len(input), len(weight), *counts), dtype)
    matrix = _matrix(weight, groups, dtype)
    if _is_product(weight, stride, padding):
        _multiply_channels(xp, matrix, input, out)
        if bias is not None:
            out += _per_channel(bias, out.ndim)
        return narrowed(xp, out, input.dtype)
    plan = Lowering(xp, input.shape, out.shape, weight.shape, dtype, stride, padding, dilation, groups)
    for images, pieces in plan.blocks():
        block = plan.padded_block(input, images)
        for rows in pieces:
            product = plan.product(len(block), rows)
            xp.matmul(matrix, plan.columns(block, rows), out=product)
            piece = plan.as_small(product, len(block), rows)
            if bias is None:
                out[images, :, rows] = piece
            else:
                xp.add(piece, _per_channel(bias, out.ndim), out=out[images, :, rows])
    return narrowed(xp, out, input.dtype)


@primitive(
    promote="same",
    vjp=(
        lambda g, weight, stride, padding, dilation, groups: ops.conv(
            g, weight, None, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, input, weight_shape, stride, padding, dilation, groups: ops.conv_weight(
            input, g, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g: ops.sum(g, dim=_all_but_channels(g)),
    ),
    formula=r"x_{c,j} = b_c + \sum_{o,i,k:\, s i + d k - p = j} w_{o,c,k} \, y_{o,i}",
    derivative=r"\sum_{c,k} w_{o,c,k}, \sum_i y_{o,i}, 1",
    onnx="ConvTranspose",
    samples=_transpose_samples,
    torch="",
)
def conv_transpose(xp, input, weight, bias=None, *, size, stride, padding, dilation, groups):
    """Return the adjoint of :func:`conv` in its input, plus a bias: transposed convolution.

    Shapes: input (N, O, *counts), weight (O, C / groups, *kernel), bias (C); result (N, C, *size), where a convolution
    with the same arguments must take ``size`` to ``counts``.
    """
    channels = weight.shape[1] * groups
    dtype = _working_dtype(xp, input.dtype)
    out = xp.empty((len(input), channels, *size), dtype)
    matrix = _matrix(weight, groups, dtype).swapaxes(1, 2)
    if _is_product(weight, stride, padding) and size == input.shape[2:]:
        _multiply_channels(xp, matrix, input, out)
    else:
        plan = Lowering(xp, out.shape, input.shape, weight.shape, dtype, stride, padding, dilation, groups)
        for images, pieces in plan.blocks():
            block = plan.zero_block(out, images)
            for rows in pieces:
                columns = plan.column_memory(len(block), rows)
                # With one output for each group (depthwise) the product is an outer one, which matmul has no fast way for.
                product = xp.multiply if matrix.shape[2] == 1 else xp.matmul
                product(matrix, plan.narrow(input, images, rows), out=columns)
                plan.scatter(columns, block, rows)
            plan.unpad(block, out, images)
    if bias is not None:
        out += _per_channel(bias, out.ndim)
    return narrowed(xp, out, input.dtype)


@primitive(
    promote="same",
    vjp=(
        lambda g, other, stride, padding, dilation, groups: ops.conv(
            other, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
        lambda g, input, other_shape, stride, padding, dilation, groups: ops.conv_transpose(
            input, g, None, size=other_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
        ),
    ),
    formula=r"w_{o,c,k} = \sum_i y_{o,i} \, x_{c,\, s i + d k - p}",
    derivative=r"\sum_{c,k} x_{c,\, s i + d k - p}, \sum_{o,i} y_{o,i}",
    samples=_weight_samples,
    torch="",
)
def conv_weight(xp, input, other, *, kernel, stride, padding, dilation, groups):
    """Return the adjoint of :func:`conv` in its weight.

    Shapes: input (N, O, *counts), other (N, C, *size); result (O, C / groups, *kernel).
    """
    shape = (input.shape[1], other.shape[1] // groups, *kernel)
    dtype = _working_dtype(xp, input.dtype)
    total = xp.zeros((groups, shape[0] // groups, math.prod(shape[1:])), dtype)
    plan = Lowering(xp, other.shape, input.shape, shape, dtype, stride, padding, dilation, groups)
    for images, pieces in plan.blocks():
        block = plan.padded_block(other, images)
        for rows in pieces:
            total += xp.matmul(plan.narrow(input, images, rows), plan.columns(block, rows).swapaxes(1, 2))
    return narrowed(xp, total.reshape(shape), input.dtype)
