"""The elements under sliding windows as columns of a matrix, and the sum of such columns: each other's adjoint."""

from __future__ import annotations

import math

from ..core import Sample, ops, primitive
from .sliding import overlaps, pooled_counts

__all__ = ["col2im", "im2col"]


def _cases():
    """Yield the shapes of an input and of its columns, and the keywords."""
    plain = {"kernel_size": (2, 2), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}
    yield (2, 3, 3, 4), (2, 12, 6), plain
    yield (1, 2, 5, 4), (1, 12, 9), {**plain, "kernel_size": (3, 2), "stride": (2, 2), "padding": (1, 1)}
    yield (1, 1, 6, 5), (1, 4, 9), {**plain, "dilation": (3, 2), "stride": (1, 2), "padding": (0, 1)}
    yield (2, 2, 5), (2, 4, 4), {"kernel_size": (2,), "dilation": (1,), "padding": (0,), "stride": (1,)}
    yield (0, 2, 3, 3), (0, 8, 4), plain


def _column_samples():
    for x, columns, keywords in _cases():
        yield Sample(columns, size=x[2:], **keywords)


@primitive(
    vjp=(
        lambda g, input_shape, kernel_size, dilation, padding, stride: ops.col2im(
            g, size=input_shape[2:], kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
        ),
    ),
    formula=r"y_{(c,k),i} = x_{c,\, s i + d k - p}",
    derivative=r"1",
    samples=lambda: [Sample(x, **keywords) for x, _, keywords in _cases()],
    torch="",
)
def im2col(xp, input, *, kernel_size, dilation, padding, stride):
    """Return the elements under the windows over (N, C, *size) as (N, C * taps, windows); 0 stands for padding."""
    size, images, channels = input.shape[2:], *input.shape[:2]
    counts = pooled_counts(size, kernel_size, stride, padding, dilation)
    taps = math.prod(kernel_size)
    out = xp.zeros((images, channels, taps, *counts), input.dtype)
    for k, w, e in overlaps(size, counts, kernel_size, stride, padding, dilation):
        out[:, :, k][w] = input[e]
    return out.reshape(images, channels * taps, math.prod(counts))


@primitive(
    vjp=(
        lambda g, kernel_size, dilation, padding, stride: ops.im2col(
            g, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
        ),
    ),
    formula=r"x_{c,j} = \sum_{i,k:\, s i + d k - p = j} y_{(c,k),i}",
    derivative=r"1",
    samples=_column_samples,
    torch="",
)
def col2im(xp, input, *, size, kernel_size, dilation, padding, stride):
    """Return the columns (N, C * taps, windows) added up where :func:`im2col` would have found them: (N, C, *size)."""
    counts = pooled_counts(size, kernel_size, stride, padding, dilation)
    taps = math.prod(kernel_size)
    images, channels = len(input), input.shape[1] // taps
    windows = input.reshape(images, channels, taps, *counts)
    out = xp.zeros((images, channels, *size), input.dtype)
    for k, w, e in overlaps(size, counts, kernel_size, stride, padding, dilation):
        out[e] += windows[:, :, k][w]
    return out
