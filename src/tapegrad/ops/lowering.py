"""Convolution as matrix products: the elements under every window become a row of a matrix (im2col).

A piece of the work is some images, or some rows of one: its columns fill a part of the processor's cache, and are used
while they are there. With many channels these lie next to each other (channels-last) and are copied in runs; with few,
whole rows of the image are.
Source: K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks for Document Processing"
(2006), https://inria.hal.science/inria-00112631
"""

from __future__ import annotations

import math
from typing import Any

from .threads import halves
from .workspace import workspace

__all__ = ["Windows", "correlate", "correlate_weight", "last_channels", "spread", "spread_gradients"]

# Bytes of columns per piece: enough for the product to run at full speed, few enough to stay in the cache.
_BLOCK = 1 << 21
# A product with fewer rows of columns than this spends its time on reading the weight.
_ROWS = 256
# Below this many channels the rows of the image may be the longer runs to copy.
_FEW = 8
# A part of the work with fewer multiplications than this is not worth a second thread.
_SHARE = 1 << 20


def last_channels(array: Any) -> Any:
    """Return an array (N, C, *size) with the channels last: a view (N, *size, C)."""
    return array.transpose(0, *range(2, array.ndim), 1)


class Windows:
    """Windows over images (N, C, *size): ``counts`` of them, the first of which begins ``before`` places outside."""

    def __init__(
        self, xp: Any, input: Any, counts: tuple, kernel: tuple, stride: tuple, before: tuple, dilation: tuple
    ):
        self.xp, self.input = xp, input
        self.dtype = working_dtype(xp, input.dtype)
        self.counts, self.kernel = tuple(counts), tuple(kernel)
        self.stride, self.before, self.dilation = stride, before, dilation
        self.channels = input.shape[1]
        self.planar = self.channels < _FEW and self.counts[-1] > self.channels * kernel[-1]

    def pieces(self, cost: int, columns: int) -> list[tuple[slice, slice]]:
        """Return slices of the images and of the windows along the first dimension, at least two when it pays.

        ``cost``: multiplications for each window; ``columns``: elements that a window takes in the cache.
        """
        images, rows = len(self.input), self.counts[0]
        places = math.prod(self.counts)
        room = max(_ROWS, _BLOCK // max(1, columns * self.dtype.itemsize))
        if images * places * cost >= 2 * _SHARE:
            room = min(room, -(-images * places // 2))
        many = max(1, min(images, room // max(1, places)))
        height = max(1, min(rows, rows * room // max(1, places)))
        return [
            (slice(n, min(n + many, images)), slice(r, min(r + height, rows)))
            for n in range(0, images, many)
            for r in range(0, rows, height)
        ]

    def images(self, columns: int) -> list[slice]:
        """Return slices of the images, at least two when there are two: columns and the sums of them share the cache."""
        count, places = len(self.input), math.prod(self.counts)
        step = max(1, min(-(-count // 2), _BLOCK // (2 * places * columns * self.dtype.itemsize)))
        return [slice(n, min(n + step, count)) for n in range(0, count, step)]

    def block(self, images: slice, rows: slice, planar: bool) -> Any:
        """Return what the windows of a piece reach, (n, C, *extent), channels or last dimension without gaps, padded by 0."""
        counts = (rows.stop - rows.start, *self.counts[1:])
        extent = [
            (o - 1) * s + d * (k - 1) + 1
            for o, s, d, k in zip(counts, self.stride, self.dilation, self.kernel, strict=True)
        ]
        starts = [-b for b in self.before]
        starts[0] += rows.start * self.stride[0]
        size = self.input.shape[2:]
        first = [min(max(0, s), n) for s, n in zip(starts, size, strict=True)]
        last = [max(f, min(s + e, n)) for f, s, e, n in zip(first, starts, extent, size, strict=True)]
        inside = self.input[(images, slice(None), *(slice(f, e) for f, e in zip(first, last, strict=True)))]
        whole = inside.shape[2:] == tuple(extent)
        if whole and inside.dtype == self.dtype and inside.strides[-1 if planar else 1] == inside.itemsize:
            return inside
        shape = (len(inside), self.channels, *extent)
        if planar:
            out = workspace(self.xp, "padded", shape, self.dtype)
        else:
            out = workspace(self.xp, "padded", (shape[0], *extent, shape[1]), self.dtype)
            out = out.transpose(0, out.ndim - 1, *range(1, out.ndim - 1))
        if not whole:
            out.fill(0)
        place = (slice(f - s, e - s) for f, e, s in zip(first, last, starts, strict=True))
        out[(..., *place)] = inside
        return out

    def view(self, block: Any, rows: slice) -> Any:
        """Return the windows of a block: a view (n, C, *kernel, *counts)."""
        image, channel, *pitches = block.strides
        steps = [p * s for p, s in zip(pitches, self.stride, strict=True)]
        inner = [p * d for p, d in zip(pitches, self.dilation, strict=True)]
        shape = (*block.shape[:2], *self.kernel, rows.stop - rows.start, *self.counts[1:])
        return self.xp.lib.stride_tricks.as_strided(block, shape, (image, channel, *inner, *steps))

    def columns(self, images: slice, rows: slice) -> Any:
        """Return the elements under the windows of a piece as a matrix (windows, taps and channels), as :meth:`matrix`."""
        view = self.view(self.block(images, rows, self.planar), rows)
        n = len(self.kernel)
        if self.planar:
            view = view.transpose(1, *range(2, 2 + n), 0, *range(2 + n, 2 + 2 * n))
            out = workspace(self.xp, "columns", view.shape, self.dtype)
            out[...] = view
            return out.reshape(self.channels * math.prod(self.kernel), -1).T
        view = view.transpose(0, *range(2 + n, 2 + 2 * n), *range(2, 2 + n), 1)
        if not view.flags.c_contiguous:
            out = workspace(self.xp, "columns", view.shape, self.dtype)
            out[...] = view
            view = out
        return view.reshape(math.prod(view.shape[: 1 + n]), -1)

    def matrix(self, weight: Any) -> Any:
        """Return a weight (O, C, *kernel) as a matrix (taps and channels, O)."""
        weight = weight.astype(self.dtype, copy=False)
        if not self.planar:
            weight = self.xp.ascontiguousarray(last_channels(weight))
        return weight.reshape(len(weight), math.prod(weight.shape[1:])).T

    def weight(self, matrix: Any, out: Any) -> None:
        """Write a matrix (taps and channels, O) into a weight (O, C, *kernel)."""
        if self.planar:
            out[...] = matrix.T.reshape(out.shape)
        else:
            last_channels(out)[...] = matrix.T.reshape(len(out), *self.kernel, self.channels)


def working_dtype(xp: Any, dtype: Any) -> Any:
    """Return the dtype to multiply and add in: float16 has no fast products, and sums in it lose too much."""
    return xp.dtype(xp.float32) if dtype == xp.float16 else dtype


def correlate(
    xp: Any, input: Any, weight: Any, bias: Any, out: Any, stride: tuple, before: tuple, dilation: tuple
) -> None:
    """Write the convolution of images (N, C, *size) with a weight (O, C, *kernel) into ``out`` (N, O, *counts)."""
    windows = Windows(xp, input, out.shape[2:], weight.shape[2:], stride, before, dilation)
    if not weight[0].size or not out.size:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * (out.ndim - 2))
        return
    matrix = windows.matrix(weight)
    pieces = windows.pieces(matrix.size, len(matrix) + len(weight))

    def work(first: int, last: int) -> None:
        for images, rows in pieces[first:last]:
            _multiply(xp, windows.columns(images, rows), matrix, bias, out[images, :, rows])

    halves(xp, work, len(pieces))


def _multiply(xp: Any, columns: Any, matrix: Any, bias: Any, out: Any) -> None:
    """Write a product of columns, plus a bias, into a piece of the output."""
    rows = last_channels(out)
    if rows.flags.c_contiguous and out.dtype == columns.dtype:
        target = rows.reshape(len(columns), -1)
        xp.matmul(columns, matrix, out=target)
        if bias is not None:
            target += bias
    elif out.strides[-1] == out.itemsize:
        # The output's rows lie one behind the other: the product is made the other way round.
        target = workspace(xp, "product", (matrix.shape[1], len(columns)), columns.dtype)
        xp.matmul(matrix.T, columns.T, out=target)
        if bias is not None:
            target += bias[:, None]
        _narrow(xp, target.reshape(out.shape[1], len(out), *out.shape[2:]), out.swapaxes(0, 1))
    else:
        target = workspace(xp, "product", (len(columns), matrix.shape[1]), columns.dtype)
        xp.matmul(columns, matrix, out=target)
        if bias is not None:
            target += bias
        _narrow(xp, target.reshape(rows.shape), rows)


def _narrow(xp: Any, source: Any, out: Any) -> None:
    if out.dtype == source.dtype:
        out[...] = source
    else:
        with xp.errstate(over="ignore"):
            out[...] = source


def correlate_weight(xp: Any, input: Any, other: Any, out: Any, stride: tuple, before: tuple, dilation: tuple) -> None:
    """Write the adjoint of :func:`correlate` in its weight into ``out``, with ``input`` (N, O, *counts) in place of y."""
    windows = Windows(xp, other, input.shape[2:], out.shape[2:], stride, before, dilation)
    if not input.size or not other.size:
        out[...] = 0
        return
    shape = (math.prod(out.shape[1:]), len(out))
    pieces = windows.pieces(math.prod(shape), sum(shape))

    def work(first: int, last: int) -> Any:
        total, part = xp.zeros(shape, windows.dtype), None
        for images, rows in pieces[first:last]:
            part = workspace(xp, "part", shape, windows.dtype)
            xp.matmul(windows.columns(images, rows).T, _rows(xp, input[images, :, rows], windows.dtype), out=part)
            total += part
        return total

    totals = halves(xp, work, len(pieces))
    with xp.errstate(over="ignore"):
        windows.weight(totals[0] if len(totals) == 1 else totals[0] + totals[1], out)


def _rows(xp: Any, small: Any, dtype: Any) -> Any:
    """Return a piece of (N, O, *counts) as a matrix (windows, O), copied where it must be."""
    rows = last_channels(small)
    count, outputs = math.prod(rows.shape[:-1]), rows.shape[-1]
    if rows.flags.c_contiguous and rows.dtype == dtype:
        return rows.reshape(count, outputs)
    if small.strides[-1] == small.itemsize:
        out = workspace(xp, "rows", (outputs, count), dtype)
        out.reshape(outputs, len(small), *small.shape[2:])[...] = small.swapaxes(0, 1)
        return out.T
    out = workspace(xp, "rows", (count, outputs), dtype)
    out.reshape(rows.shape)[...] = rows
    return out


def spread(
    xp: Any, input: Any, weight: Any, bias: Any, out: Any, stride: tuple, before: tuple, dilation: tuple
) -> None:
    """Write the adjoint of :func:`correlate` in its input, plus a bias, into ``out``: columns are made, and added up.

    Shapes: input (N, O, *counts), weight (O, C, *kernel), out (N, C, *size).
    """
    windows = Windows(xp, out, input.shape[2:], weight.shape[2:], stride, before, dilation)
    matrix = windows.matrix(weight)
    pieces = windows.images(len(matrix))

    def work(first: int, last: int) -> None:
        for images in pieces[first:last]:
            part = out[images]
            columns = _spread_columns(xp, windows, _rows(xp, input[images], windows.dtype), matrix, len(part))
            _write_sums(xp, windows, columns, bias, part)

    halves(xp, work, len(pieces))


def spread_gradients(
    xp: Any, input: Any, other: Any, weight: Any, out: tuple, stride: tuple, before: tuple, dilation: tuple
) -> None:
    """Write the adjoints of :func:`correlate` in its input, by columns that are added up, and in its weight into ``out``.

    Shapes: input (N, O, *counts), other (N, C, *size), weight (O, C, *kernel).
    """
    windows = Windows(xp, other, input.shape[2:], weight.shape[2:], stride, before, dilation)
    matrix = windows.matrix(weight)
    pieces, every = windows.images(len(matrix)), slice(0, windows.counts[0])

    def work(first: int, last: int) -> Any:
        total = xp.zeros(matrix.shape, windows.dtype)
        for images in pieces[first:last]:
            rows = _rows(xp, input[images], windows.dtype)
            part = workspace(xp, "part", matrix.shape, windows.dtype)
            total += xp.matmul(windows.columns(images, every).T, rows, out=part)
            target = out[0][images]
            _write_sums(xp, windows, _spread_columns(xp, windows, rows, matrix, len(target)), None, target)
        return total

    totals = halves(xp, work, len(pieces))
    with xp.errstate(over="ignore"):
        windows.weight(totals[0] if len(totals) == 1 else totals[0] + totals[1], out[1])


def _spread_columns(xp: Any, windows: Windows, rows: Any, matrix: Any, images: int) -> Any:
    """Return columns for every window of some images: (n, C, *kernel, *counts)."""
    n = len(windows.kernel)
    if windows.planar:
        out = workspace(xp, "columns", (len(matrix), len(rows)), windows.dtype)
        xp.matmul(matrix, rows.T, out=out)
        out = out.reshape(windows.channels, *windows.kernel, images, *windows.counts)
        return out.transpose(1 + n, *range(1 + n), *range(2 + n, 2 + 2 * n))
    out = workspace(xp, "columns", (len(rows), len(matrix)), windows.dtype)
    xp.matmul(rows, matrix.T, out=out)
    out = out.reshape(images, *windows.counts, *windows.kernel, windows.channels)
    return out.transpose(0, 1 + 2 * n, *range(1 + n, 1 + 2 * n), *range(1, 1 + n))


def _write_sums(xp: Any, windows: Windows, columns: Any, bias: Any, out: Any) -> None:
    """Add columns up where their windows lie, and write what lies inside the images, plus a bias, into ``out``."""
    geometry = zip(
        out.shape[2:], windows.counts, windows.kernel, windows.stride, windows.dilation, windows.before, strict=True
    )
    extent = [max(n + b, (o - 1) * s + d * (k - 1) + 1) for n, o, k, s, d, b in geometry]
    inside = not any(windows.before) and tuple(extent) == out.shape[2:]
    if inside and bias is None and out.dtype == windows.dtype:
        block = out
    elif windows.planar:
        block = workspace(xp, "padded", (len(out), windows.channels, *extent), windows.dtype)
    else:
        block = workspace(xp, "padded", (len(out), *extent, windows.channels), windows.dtype)
        block = block.transpose(0, block.ndim - 1, *range(1, block.ndim - 1))
    block.fill(0)
    view = windows.view(block, slice(0, windows.counts[0]))
    for tap in xp.ndindex(*windows.kernel):
        part = view[(slice(None), slice(None), *tap)]
        part += columns[(slice(None), slice(None), *tap)]
    if block is out:
        return
    result = block[(..., *(slice(b, b + n) for b, n in zip(windows.before, out.shape[2:], strict=True)))]
    if bias is not None:
        result += bias.reshape(-1, *(1,) * (out.ndim - 2))
    _narrow(xp, result, out)
