"""Pooling by the average of every window, for any number of dimensions, and its adjoint.

The keywords have a number for each of the last dimensions; the dimensions before them are batches and channels.
"""

from __future__ import annotations

import math

from ..core import Sample, ops, primitive
from .buffers import into
from .pooling import by_images, last, pooled, pooling_cases, reduce_windows
from .reduce import accumulator, narrowed
from .sliding import overlaps, pooled_counts

__all__ = ["avg_pool", "avg_unpool"]


def _average_cases():
    """Yield the shapes of an input and of its averages, and the keywords."""
    for x, windows, ceil in pooling_cases():
        y = pooled(x, windows, ceil)
        if all(d == 1 for d in windows.pop("dilation")):
            yield x, y, {**windows, "ceil_mode": ceil}
            yield x, y, {**windows, "ceil_mode": ceil, "count_include_pad": False}
    windows = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1)}
    yield (2, 5, 4), (2, 3, 5), {**windows, "divisor_override": 7}


def _unpool_samples():
    for x, y, keywords in _average_cases():
        yield Sample(y, size=last(x, keywords["kernel_size"]), **keywords)


def _divisor(xp, size, counts, kernel_size, stride, padding, count_include_pad, divisor_override, dtype):
    """Return what the sums of windows are divided by: a number, or an array with one for each window."""
    if divisor_override is not None:
        return float(divisor_override)
    lengths = [
        [
            min(i * s - p + k, n + (p if count_include_pad else 0)) - max(i * s - p, -p if count_include_pad else 0)
            for i in range(count)
        ]
        for n, count, k, s, p in zip(size, counts, kernel_size, stride, padding, strict=True)
    ]
    if all(len(set(one)) <= 1 for one in lengths):
        return float(math.prod(one[0] for one in lengths if one))
    divisor = xp.ones((), dtype)
    for one in lengths:
        divisor = xp.multiply.outer(divisor, xp.asarray(one, dtype))
    return divisor


@primitive(
    vjp=(
        lambda g, input_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: (
            ops.avg_unpool(
                g,
                size=input_shape[len(input_shape) - len(kernel_size) :],
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
                ceil_mode=ceil_mode,
                count_include_pad=count_include_pad,
                divisor_override=divisor_override,
            )
        ),
    ),
    formula=r"y_i = \frac{1}{n_i} \sum_k x_{s i + k - p}",
    derivative=r"1 / n_i",
    onnx="AveragePool",
    samples=lambda: [Sample(x, **keywords) for x, _, keywords in _average_cases()],
    torch="",
)
def avg_pool(
    xp,
    input,
    *,
    kernel_size,
    stride,
    padding,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    out=None,
):
    """Return the average of every window: its sum divided by its size, with or without the padding, or by a number."""
    size, ones = last(input.shape, kernel_size), (1,) * len(kernel_size)
    counts = pooled_counts(size, kernel_size, stride, padding, ones, ceil_mode)
    wide = accumulator(input.dtype) or input.dtype
    total = (
        xp.empty((*input.shape[: input.ndim - len(size)], *counts), wide) if out is None or out.dtype != wide else out
    )
    divisor = _divisor(xp, size, counts, kernel_size, stride, padding, count_include_pad, divisor_override, total.dtype)

    def work(input, total):
        reduce_windows(xp, xp.add, 0, input, total, kernel_size, stride, padding, ones)
        total /= divisor

    by_images(xp, work, input.astype(wide, copy=False), total)
    return total if total is out else into(out, narrowed(xp, total, input.dtype))


@primitive(
    vjp=(
        lambda g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: ops.avg_pool(
            g,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        ),
    ),
    formula=r"x_j = \sum_{i, k:\, s i + k - p = j} y_i / n_i",
    derivative=r"1 / n_i",
    samples=_unpool_samples,
    torch="",
)
def avg_unpool(
    xp,
    input,
    *,
    size,
    kernel_size,
    stride,
    padding,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    out=None,
):
    """Return the adjoint of :func:`avg_pool`: every element divided, and added to all the elements of its window."""
    counts, ones = last(input.shape, size), (1,) * len(size)
    wide = accumulator(input.dtype) or input.dtype
    divisor = _divisor(xp, size, counts, kernel_size, stride, padding, count_include_pad, divisor_override, wide)
    total = xp.empty((*input.shape[: input.ndim - len(size)], *size), wide) if out is None or out.dtype != wide else out
    apart = all(s >= k for k, s in zip(kernel_size, stride, strict=True))

    def work(input, total):
        parts = input / divisor
        total.fill(0)
        for _, w, e in overlaps(size, counts, kernel_size, stride, padding, ones):
            if apart:
                total[e] = parts[w]
            else:
                total[e] += parts[w]

    by_images(xp, work, input.astype(wide, copy=False), total)
    return total if total is out else into(out, narrowed(xp, total, input.dtype))
