"""Convolution of each channel with a kernel of its own: no product of matrices, one multiplication and addition per tap."""

from __future__ import annotations

import math
from typing import Any

from .lowering import Windows, last_channels
from .threads import halves
from .workspace import workspace

__all__ = ["correlate_channels", "correlate_channels_weight"]


def _taps(windows: Windows, images: slice, rows: slice) -> Any:
    """Return the windows of a piece with the taps first and the channels last: (taps..., n, *counts, C)."""
    n = len(windows.kernel)
    view = windows.view(windows.block(images, rows, False), rows)
    return view.transpose(*range(2, 2 + n), 0, *range(2 + n, 2 + 2 * n), 1)


def _width(small: Any) -> int:
    """Return how many windows of a row are taken as one run with their channels; the first dimension may be cut."""
    return small.shape[-1] if small.ndim > 3 else 1


def correlate_channels(
    xp: Any, input: Any, weight: Any, out: Any, stride: tuple, before: tuple, dilation: tuple, add: bool
) -> None:
    """Write, or add, the convolution of each channel of (N, C, *size) with its kernel (C, *kernel) to ``out``."""
    if not weight[:1].size and not add:
        out[...] = 0
    if not weight.size or not out.size:
        return
    windows = Windows(xp, input, out.shape[2:], weight.shape[1:], stride, before, dilation)
    width = _width(out)
    taps = weight.astype(windows.dtype, copy=False).reshape(len(weight), -1).T
    # (taps, width, C): a product with a row of the image is one run.
    taps = xp.ascontiguousarray(xp.broadcast_to(taps[:, None], (len(taps), width, len(weight))))
    pieces = windows.pieces(math.prod(windows.kernel) * len(weight), 3 * len(weight))

    def work(first: int, last: int) -> None:
        for images, rows in pieces[first:last]:
            view = _taps(windows, images, rows)
            target = last_channels(out[images, :, rows])
            total = workspace(xp, "total", target.shape, windows.dtype)
            part = workspace(xp, "part", target.shape, windows.dtype)
            for k, tap in enumerate(xp.ndindex(*windows.kernel)):
                xp.multiply(view[tap], taps[k], out=part if k else total)
                if k:
                    total += part
            with xp.errstate(over="ignore"):
                if add:
                    target += total
                else:
                    target[...] = total

    halves(xp, work, len(pieces))


def correlate_channels_weight(
    xp: Any, input: Any, other: Any, out: Any, stride: tuple, before: tuple, dilation: tuple
) -> None:
    """Write the adjoint of :func:`correlate_channels` in its weight into ``out`` (C, *kernel)."""
    windows = Windows(xp, other, input.shape[2:], out.shape[1:], stride, before, dilation)
    channels, width, number = len(out), _width(input), math.prod(windows.kernel)
    pieces = windows.pieces(number * channels, 3 * channels) if input.size else []

    def work(first: int, last: int) -> Any:
        total = xp.zeros((number, width * channels), windows.dtype)
        for images, rows in pieces[first:last]:
            view = _taps(windows, images, rows)
            source = last_channels(input[images, :, rows])
            part = workspace(xp, "part", source.shape, windows.dtype)
            ones = xp.ones(part.size // (width * channels), windows.dtype)
            for k, tap in enumerate(xp.ndindex(*windows.kernel)):
                xp.multiply(view[tap], source, out=part)
                total[k] += ones @ part.reshape(len(ones), -1)
        return total

    totals = halves(xp, work, len(pieces))
    total = totals[0] if len(totals) == 1 else totals[0] + totals[1]
    with xp.errstate(over="ignore"):
        out[...] = total.reshape(number, width, channels).sum(1).T.reshape(out.shape)
