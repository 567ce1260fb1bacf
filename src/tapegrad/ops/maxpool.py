"""Pooling by the largest element of every window, for any number of dimensions, and where it is.

The keywords have a number for each of the last dimensions; the dimensions before them are batches and channels.
"""

from __future__ import annotations

import math

from ..core import Array, Sample, ops, primitive
from .pooling import by_images, last, pooled, pooling_cases, reduce_windows
from .sliding import overlaps, pooled_counts
from .workspace import workspace

__all__ = ["max_pool", "max_pool_gradient", "max_pool_select", "window_argmax"]


@primitive(
    vjp=(
        # PyTorch remembers positions, so that the output may be written into: ``nn.ReLU(inplace=True)`` behind a pooling.
        lambda g, input, unchanged_out, kernel_size, stride, padding, dilation, ceil_mode: ops.max_pool_gradient(
            g,
            input,
            ops.max_pool(
                input,
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
                dilation=dilation,
                ceil_mode=ceil_mode,
            )
            if unchanged_out is None
            else unchanged_out,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
        ),
    ),
    formula=r"y_i = \max_k x_{s i + d k - p}",
    derivative=r"1 \text{ at the first largest element}, 0 \text{ elsewhere}",
    onnx="MaxPool",
    samples=lambda: [
        Sample(Array(*x, distinct=True), ceil_mode=ceil, **windows) for x, windows, ceil in pooling_cases()
    ],
    torch="",
)
def max_pool(xp, input, *, kernel_size, stride, padding, dilation, ceil_mode=False, out=None):
    """Return the largest element of every window; what lies outside the input does not count."""
    size = last(input.shape, kernel_size)
    counts = pooled_counts(size, kernel_size, stride, padding, dilation, ceil_mode)
    out = xp.empty((*input.shape[: input.ndim - len(size)], *counts), input.dtype) if out is None else out
    lowest = _lowest(xp, input.dtype)

    def work(input, out):
        reduce_windows(xp, xp.maximum, lowest, input, out, kernel_size, stride, padding, dilation)

    by_images(xp, work, input, out)
    return out


def _lowest(xp, dtype):
    return -math.inf if dtype.kind == "f" else xp.iinfo(dtype).min if dtype.kind in "iu" else False


# -- the gradient -------------------------------------------------------------------------------------------------------


def _winners(xp, input, values, kernel_size, stride, padding, dilation):
    """Yield, for the offsets into the window, which windows found their largest element there, and the indices.

    Of equal elements the first counts; of several nan the last, as PyTorch has it.
    """
    size, counts = last(input.shape, kernel_size), last(values.shape, kernel_size)
    meet = [(w, e) for _, w, e in overlaps(size, counts, kernel_size, stride, padding, dilation)]
    missing = xp.ones_like(values, dtype="bool")
    hit = xp.empty_like(missing)
    for w, e in meet:
        found = xp.equal(input[e], values[w], out=hit[w])
        found &= missing[w]
        missing[w] ^= found
        yield found, w, e
    if _any_nan(xp, values):
        for w, e in reversed(meet):
            found = xp.isnan(input[e], out=hit[w])
            found &= missing[w]
            missing[w] ^= found
            yield found, w, e


def _any_nan(xp, values):
    return values.dtype.kind == "f" and bool(xp.isnan(values).any())


def _bits(array):
    """Return a view of floats as integers: a product with 0 is then 0, whatever the float."""
    return array.view(f"i{array.itemsize}")


def _kept(xp, array, found, out):
    """Write the elements that were found, and 0 elsewhere, into ``out``."""
    xp.multiply(_bits(array), found.view("i1"), out=_bits(out))


def _gradient_samples():
    for x, windows, ceil in pooling_cases():
        y = pooled(x, windows, ceil)
        yield Sample(y, Array(*x, distinct=True), y, **windows)


def _select_samples():
    for x, windows, ceil in pooling_cases():
        yield Sample(x, Array(*x, distinct=True), pooled(x, windows, ceil), **windows)


@primitive(
    vjp=(
        lambda g, other, values, kernel_size, stride, padding, dilation: ops.max_pool_select(
            g, other, values, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
        ),
        None,
        None,
    ),
    formula=r"x_j = \sum_i y_i \, [j \text{ is the largest in window } i]",
    derivative=r"[j \text{ is the largest in window } i]",
    samples=_gradient_samples,
    torch="",
)
def max_pool_gradient(xp, input, other, values, *, kernel_size, stride, padding, dilation, out=None):
    """Return the elements of ``input``, one for each window, added where ``other`` has the window's largest element.

    ``values`` are those largest elements, as :func:`max_pool` of ``other`` gives them.
    """
    out = xp.empty_like(other, dtype=input.dtype) if out is None else out
    windows = kernel_size, stride, padding, dilation
    apart = all(s > d * (k - 1) for k, s, d in zip(kernel_size, stride, dilation, strict=True))

    sizes = zip(last(other.shape, kernel_size), last(values.shape, kernel_size), kernel_size, strict=True)
    covered = not any(padding) and all(n == count * k for n, count, k in sizes)

    def work(input, other, values, out):
        once = apart and not _any_nan(xp, values)
        if not (once and covered):
            out.fill(0)
        for found, w, e in _winners(xp, other, values, *windows):
            if once:
                _kept(xp, input[w], found, out[e])
            else:
                part = workspace(xp, "kept", found.shape, out.dtype)
                _kept(xp, input[w], found, part)
                with xp.errstate(over="ignore", invalid="ignore"):
                    out[e] += part

    by_images(xp, work, input, other, values, out)
    return out


@primitive(
    vjp=(
        lambda g, other, values, kernel_size, stride, padding, dilation: ops.max_pool_gradient(
            g, other, values, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
        ),
        None,
        None,
    ),
    formula=r"y_i = x_j, \; j \text{ the largest in window } i",
    derivative=r"[j \text{ is the largest in window } i]",
    samples=_select_samples,
    torch="",
)
def max_pool_select(xp, input, other, values, *, kernel_size, stride, padding, dilation, out=None):
    """Return the elements of ``input`` where ``other`` has the largest element of each window: the adjoint of the above."""
    out = xp.empty_like(values, dtype=input.dtype) if out is None else out

    def work(input, other, values, out):
        out.fill(0)
        for found, w, e in _winners(xp, other, values, kernel_size, stride, padding, dilation):
            part = workspace(xp, "kept", found.shape, out.dtype)
            _kept(xp, input[e], found, part)
            # Each window finds one element, so that the others' bits are 0.
            bits = _bits(out[w])
            bits |= _bits(part)

    by_images(xp, work, input, other, values, out)
    return out


# -- positions ----------------------------------------------------------------------------------------------------------


def _argmax_samples():
    for x, windows, ceil in pooling_cases():
        yield Sample(x, pooled(x, windows, ceil), **windows)


@primitive(formula=r"\operatorname{argmax}_j x_j", samples=_argmax_samples, torch="")
def window_argmax(xp, input, values, *, kernel_size, stride, padding, dilation):
    """Return where the largest element of every window, which ``values`` holds, is: the first one, or the last nan.

    The position counts through the last dimensions of the input, flattened.
    """
    size, counts = last(input.shape, kernel_size), last(values.shape, kernel_size)
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
    counts = last(taps.shape, kernel_size)
    for n, count, k, s, p, d in zip(size, counts, kernel_size, stride, padding, dilation, strict=True):
        offsets = xp.add.outer(offsets * n, xp.arange(k) * d)
        starts = xp.add.outer(starts * n, xp.arange(count) * s - p)
    return offsets.reshape(-1).take(taps) + starts
