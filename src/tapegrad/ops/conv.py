"""Convolution and its two adjoints, for any number of dimensions.

With y = conv(x, w) the number <g, conv(x, w)> is linear in each of g, x and w, so its three derivatives
``conv``, ``conv_transpose`` and ``conv_weight`` are each other's gradients, at every order.
"""

from __future__ import annotations

from ..core import Sample, ops, primitive
from .algorithm import convolve, convolve_gradients, convolve_transposed, convolve_weight
from .sliding import window_counts

__all__ = ["conv", "conv_gradients", "conv_transpose", "conv_weight"]


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


def _all_but_channels(g):
    return (0, *range(2, g.ndim))


def _conv_gradient(g, input, weight, needs, stride, padding, dilation, groups):
    where = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    bias = ops.sum(g, dim=_all_but_channels(g)) if needs[2:] == (True,) else None
    if needs[0] and needs[1]:
        return *ops.conv_gradients(g, input, weight, **where), bias
    if needs[0]:
        return ops.conv_transpose(g, weight, None, size=input.shape[2:], **where), None, bias
    return None, ops.conv_weight(g, input, kernel=weight.shape[2:], **where) if needs[1] else None, bias


@primitive(
    promote="same",
    vjp=_conv_gradient,
    formula=r"y_{o,i} = b_o + \sum_{c,k} w_{o,c,k} \, x_{c,\, s i + d k - p}",
    derivative=r"\sum_{o,k} w_{o,c,k}, \sum_i x_{c,\, s i + d k - p}, 1",
    onnx="Conv",
    samples=_conv_samples,
    torch="",
)
def conv(xp, input, weight, bias=None, *, stride, padding, dilation, groups, out=None):
    """Return the convolution (without flipping the kernel) of images with a weight, plus a bias for each output channel.

    Shapes: input (N, C, *size), weight (O, C / groups, *kernel), bias (O); result (N, O, *counts).
    ``stride`` and ``dilation`` have a number and ``padding`` a (before, after) pair for each of the last dimensions;
    padding is with zeros.
    """
    counts = window_counts(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    out = xp.empty((len(input), len(weight), *counts), input.dtype) if out is None else out
    convolve(xp, input, weight, bias, out, stride, padding, dilation, groups)
    return out


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
def conv_transpose(xp, input, weight, bias=None, *, size, stride, padding, dilation, groups, out=None):
    """Return the adjoint of :func:`conv` in its input, plus a bias: transposed convolution.

    Shapes: input (N, O, *counts), weight (O, C / groups, *kernel), bias (C); result (N, C, *size), where a convolution
    with the same arguments must take ``size`` to ``counts``.
    """
    out = xp.empty((len(input), weight.shape[1] * groups, *size), input.dtype) if out is None else out
    convolve_transposed(xp, input, weight, bias, out, stride, padding, dilation, groups)
    return out


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
def conv_weight(xp, input, other, *, kernel, stride, padding, dilation, groups, out=None):
    """Return the adjoint of :func:`conv` in its weight.

    Shapes: input (N, O, *counts), other (N, C, *size); result (O, C / groups, *kernel).
    """
    shape = (input.shape[1], other.shape[1] // groups, *kernel)
    out = xp.empty(shape, input.dtype) if out is None else out
    convolve_weight(xp, input, other, out, stride, padding, dilation, groups)
    return out


def _gradients_gradient(g, input, other, weight, needs, stride, padding, dilation, groups):
    """The three adjoints again, of a pair: each of g, x and w has a term for each of the two that were given."""
    where = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    of_input, of_weight = g
    found = [None, None, None]
    if of_input is not None:
        found[0] = ops.conv(of_input, weight, None, **where) if needs[0] else None
        found[2] = ops.conv_weight(input, of_input, kernel=weight.shape[2:], **where) if needs[2] else None
    if of_weight is not None:
        back = ops.conv(other, of_weight, None, **where) if needs[0] else None
        found[0] = back if found[0] is None else found[0] + back
        found[1] = ops.conv_transpose(input, of_weight, None, size=other.shape[2:], **where) if needs[1] else None
    return tuple(found)


def _gradients_samples():
    for x, w, y, keywords in _cases():
        yield Sample(y, x, w, **keywords)


@primitive(
    promote="same",
    vjp=_gradients_gradient,
    formula=r"\left(\sum_{o,i,k:\, s i + d k - p = j} w_{o,c,k} \, y_{o,i},\; \sum_i y_{o,i} \, x_{c,\, s i + d k - p}\right)",
    derivative=r"\sum_{c,k} w_{o,c,k} + \sum_{c,k} x_{c,\, s i + d k - p}",
    samples=_gradients_samples,
    torch="",
)
def conv_gradients(xp, input, other, weight, *, stride, padding, dilation, groups, out=None):
    """Return both adjoints of :func:`conv`, in its input and in its weight: they share work.

    Shapes: input (N, O, *counts), other (N, C, *size), weight (O, C / groups, *kernel); results (N, C, *size) and
    (O, C / groups, *kernel).
    """
    out = (xp.empty(other.shape, input.dtype), xp.empty(weight.shape, input.dtype)) if out is None else out
    convolve_gradients(xp, input, other, weight, out, stride, padding, dilation, groups)
    return out
