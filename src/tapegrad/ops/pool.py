"""Pooling: the largest element or the average of every window, for any number of dimensions, with adjoints.

The keywords have a number for each of the last dimensions; the dimensions before them are batches and channels.
"""

from __future__ import annotations

import math

from ..core import Array, Sample, ops, primitive
from .reduce import accumulator, narrowed
from .sliding import along, overlaps, pooled_counts

__all__ = ["avg_pool", "avg_unpool", "max_pool", "window_argmax"]


def _keywords(kernel_size, stride=None, padding=None, dilation=None):
    ones = (1,) * len(kernel_size)
    return {
        "kernel_size": kernel_size,
        "stride": stride or kernel_size,
        "padding": padding or (0,) * len(ones),
        "dilation": dilation or ones,
    }


def _cases():
    """Yield a shape, keywords that tell the windows, and ceil_mode."""
    yield (2, 3, 4, 4), _keywords((2, 2)), False
    yield (1, 2, 5, 3), _keywords((2, 2)), True
    yield (2, 5, 4), _keywords((3, 2), (2, 1), (1, 1)), False
    yield (2, 6, 7), _keywords((2, 2), (1, 2), None, (2, 3)), False
    yield (2, 3, 7), _keywords((3,), None, (1,)), True
    yield (1, 3, 4, 5), _keywords((2, 3, 2), (1, 2, 2), (0, 1, 0)), False
    yield (0, 2, 4, 4), _keywords((2, 2)), False


def _last(shape, kernel_size):
    """Return the sizes of the dimensions that the windows slide over."""
    return tuple(shape[len(shape) - len(kernel_size) :])


def _at(axis, index):
    """Return an index of one dimension as an index of the array."""
    return (*(slice(None),) * axis, index)


def _taps(ndim, size, counts, *windows):
    """Return for each of the last dimensions: axis, size, number of windows, and the indices that meet at each offset."""
    found = []
    for axis, one in enumerate(zip(size, counts, *windows, strict=True), ndim - len(size)):
        found.append((axis, one[0], one[1], [(_at(axis, w), _at(axis, e)) for _, w, e in along(*one)]))
    return found


# -- the largest element ------------------------------------------------------------------------------------------------


def _max_gradient(g, input, out, kernel_size, stride, padding, dilation):
    positions = ops.window_argmax(
        input, out, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    flat, rows = _flattened(input.shape, kernel_size), _flattened(out.shape, kernel_size)
    spread = ops.scatter_sum(ops.reshape(g, shape=rows), ops.reshape(positions, shape=rows), shape=flat, dim=-1)
    return ops.reshape(spread, shape=input.shape)


def _flattened(shape, kernel_size):
    """Return a shape with the dimensions that the windows slide over made one."""
    return (*shape[: len(shape) - len(kernel_size)], math.prod(_last(shape, kernel_size)))


@primitive(
    vjp=(_max_gradient,),
    formula=r"y_i = \max_k x_{s i + d k - p}",
    derivative=r"1 \text{ at the first largest element}, 0 \text{ elsewhere}",
    onnx="MaxPool",
    samples=lambda: [Sample(Array(*x, distinct=True), ceil_mode=ceil, **windows) for x, windows, ceil in _cases()],
    torch="",
)
def max_pool(xp, input, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    """Return the largest element of every window; what lies outside the input does not count."""
    size = _last(input.shape, kernel_size)
    counts = pooled_counts(size, kernel_size, stride, padding, dilation, ceil_mode)
    out = input
    for axis, _, count, taps in _taps(input.ndim, size, counts, kernel_size, stride, padding, dilation):
        out = _reduce_windows(xp, xp.maximum, _lowest(xp, input.dtype), out, axis, count, taps)
    return out


def _lowest(xp, dtype):
    return -math.inf if dtype.kind == "f" else xp.iinfo(dtype).min if dtype.kind in "iu" else False


def _reduce_windows(xp, combine, neutral, input, axis, count, taps):
    """Return the combination of the elements that the windows along one dimension see."""
    if len(taps) > 1 and all(w == _at(axis, slice(0, count)) for w, _ in taps):
        out = combine(input[taps[0][1]], input[taps[1][1]])
        taps = [(..., e) for _, e in taps[2:]]
    else:
        out = xp.full((*input.shape[:axis], count, *input.shape[axis + 1 :]), neutral, input.dtype)
    for w, e in taps:
        combine(out[w], input[e], out=out[w])
    return out


def _pooled(shape, windows, ceil_mode):
    size = _last(shape, windows["kernel_size"])
    counts = pooled_counts(
        size, windows["kernel_size"], windows["stride"], windows["padding"], windows["dilation"], ceil_mode
    )
    return (*shape[: len(shape) - len(size)], *counts)


def _argmax_samples():
    for x, windows, ceil in _cases():
        yield Sample(x, _pooled(x, windows, ceil), **windows)


@primitive(formula=r"\operatorname{argmax}_j x_j", samples=_argmax_samples, torch="")
def window_argmax(xp, input, values, *, kernel_size, stride, padding, dilation):
    """Return where the largest element of every window, which ``values`` holds, is: the first one, or the last nan.

    The position counts through the last dimensions of the input, flattened.
    """
    size, counts = _last(input.shape, kernel_size), _last(values.shape, kernel_size)
    meet = {k: (w, e) for k, w, e in overlaps(size, counts, kernel_size, stride, padding, dilation)}
    number = math.prod(kernel_size)
    # A tap's number is how many taps before it, and itself, are not the one that is looked for.
    taps = xp.zeros(values.shape, "uint8" if number <= 256 else "int32")
    missing = xp.ones(values.shape, "bool")
    for k in range(number - 1):
        if k in meet:
            w, e = meet[k]
            missing[w] &= input[e] != values[w]
        taps += missing.view("uint8")
    if input.dtype.kind == "f" and xp.isnan(values).any():
        for k, (w, e) in meet.items():
            xp.copyto(taps[w], k, where=xp.isnan(input[e]))
    return _positions(xp, taps, size, kernel_size, stride, padding, dilation)


def _positions(xp, taps, size, kernel_size, stride, padding, dilation):
    """Return the flattened positions of the elements that a tap number in each window means."""
    offsets, starts = xp.zeros((), "int64"), xp.zeros((), "int64")
    counts = _last(taps.shape, kernel_size)
    for n, count, k, s, p, d in zip(size, counts, kernel_size, stride, padding, dilation, strict=True):
        offsets = xp.add.outer(offsets * n, xp.arange(k) * d)
        starts = xp.add.outer(starts * n, xp.arange(count) * s - p)
    return offsets.reshape(-1).take(taps) + starts


# -- the average --------------------------------------------------------------------------------------------------------


def _average_cases():
    """Yield the shapes of an input and of its averages, and the keywords."""
    for x, windows, ceil in _cases():
        y = _pooled(x, windows, ceil)
        if all(d == 1 for d in windows.pop("dilation")):
            yield x, y, {**windows, "ceil_mode": ceil}
            yield x, y, {**windows, "ceil_mode": ceil, "count_include_pad": False}
    windows = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1)}
    yield (2, 5, 4), (2, 3, 5), {**windows, "divisor_override": 7}


def _unpool_samples():
    for x, y, keywords in _average_cases():
        yield Sample(y, size=_last(x, keywords["kernel_size"]), **keywords)


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
                size=_last(input_shape, kernel_size),
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
    xp, input, *, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Return the average of every window: its sum divided by its size, with or without the padding, or by a number."""
    size, ones = _last(input.shape, kernel_size), (1,) * len(kernel_size)
    counts = pooled_counts(size, kernel_size, stride, padding, ones, ceil_mode)
    out = input.astype(accumulator(input.dtype) or input.dtype, copy=False)
    for axis, _, count, taps in _taps(input.ndim, size, counts, kernel_size, stride, padding, ones):
        out = _reduce_windows(xp, xp.add, 0, out, axis, count, taps)
    out /= _divisor(xp, size, counts, kernel_size, stride, padding, count_include_pad, divisor_override, out.dtype)
    return narrowed(xp, out, input.dtype)


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
    xp, input, *, size, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Return the adjoint of :func:`avg_pool`: every element divided, and added to all the elements of its window."""
    counts, ones = _last(input.shape, size), (1,) * len(size)
    wide = input.astype(accumulator(input.dtype) or input.dtype, copy=False)
    out = wide / _divisor(
        xp, size, counts, kernel_size, stride, padding, count_include_pad, divisor_override, wide.dtype
    )
    for axis, length, _, taps in reversed(_taps(out.ndim, size, counts, kernel_size, stride, padding, ones)):
        spread = xp.zeros((*out.shape[:axis], length, *out.shape[axis + 1 :]), out.dtype)
        for w, e in taps:
            spread[e] += out[w]
        out = spread
    return narrowed(xp, out, input.dtype)
