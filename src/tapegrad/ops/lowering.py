"""Convolution as matrix products: the elements under every window become the columns of a matrix (im2col).

The columns of a few images at a time are copied into reused memory, so that they stay in the processor's cache and one
large product serves them all; with stride 1 whole padded rows are copied in one run, and the columns of the windows that
would stick out at their ends are computed and thrown away.
Source: K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks for Document Processing"
(2006), https://inria.hal.science/inria-00112631
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .sliding import workspace

__all__ = ["Lowering"]

# Bytes of columns per product: enough for the product to run at full speed, few enough to stay in the cache.
_BLOCK = 4 << 20
# How much of a product may be thrown away for the sake of copying whole rows.
_WASTE = 1.3


class Lowering:
    """The geometry of one convolution between large arrays (N, C, *size) and small arrays (N, O, *counts).

    ``blocks()`` gives pieces of the work: some images, or some rows of one image. For a piece, ``columns`` gathers the
    elements under its windows and ``scatter`` adds columns back to where they came from; ``narrow`` lays a piece of a
    small array out like columns, and ``as_small`` reads such a matrix as a piece.
    """

    def __init__(
        self, xp: Any, large: tuple, small: tuple, weight: tuple, dtype: Any, stride, padding, dilation, groups
    ):
        self.xp = xp
        self.dtype = dtype
        self.images = large[0]
        self.channels, self.outputs, self.groups = large[1], small[1], groups
        self.size, self.counts, self.kernel = large[2:], small[2:], weight[2:]
        self.stride, self.dilation = stride, dilation
        self.before = tuple(first for first, _ in padding)
        self.reach = tuple(
            (o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(self.counts, stride, dilation, self.kernel, strict=True)
        )
        self.padded = any(self.before) or any(r > n for r, n in zip(self.reach, self.size, strict=True))
        self.extent = self.reach if self.padded else self.size
        self.taps = math.prod(self.kernel)
        rest = math.prod(self.counts[1:])
        self.in_runs = all(s == 1 for s in stride) and math.prod(self.extent[1:]) <= _WASTE * rest

    # -- pieces of the work ---------------------------------------------------------------------------------------

    def blocks(self) -> Iterator[tuple[slice, list[slice]]]:
        """Yield slices of images, each with slices of the windows along the first dimension."""
        rows = self.counts[0]
        column_bytes = self.channels * self.taps * math.prod(self.counts) * self.dtype.itemsize
        images = max(1, _BLOCK // max(1, column_bytes))
        height = max(1, min(rows, rows * _BLOCK // max(1, column_bytes)))
        pieces = [slice(r, min(r + height, rows)) for r in range(0, rows, height)]
        for n in range(0, self.images, images):
            yield slice(n, min(n + images, self.images)), pieces

    def _pitches(self) -> tuple[int, ...]:
        """Return how many elements lie between neighbours along each dimension of a large array."""
        return tuple(math.prod(self.extent[i + 1 :]) for i in range(len(self.extent)))

    def _run(self, rows: slice) -> int:
        """Return the number of columns for one image."""
        counts = (rows.stop - rows.start, *self.counts[1:])
        if not self.in_runs:
            return math.prod(counts)
        return sum((o - 1) * pitch for o, pitch in zip(counts, self._pitches(), strict=True)) + 1

    # -- large arrays ---------------------------------------------------------------------------------------------

    def padded_block(self, large: Any, images: slice) -> Any:
        """Return some images with zeros around them, in memory without gaps."""
        block = large[images]
        if not self.padded:
            return self.xp.ascontiguousarray(block)
        out = workspace(self.xp, "padded", (*block.shape[:2], *self.extent), self.dtype)
        out.fill(0)
        out[self._inside()] = block[
            (..., *(slice(0, max(0, r - b)) for r, b in zip(self.reach, self.before, strict=True)))
        ]
        return out

    def _inside(self) -> tuple:
        return (..., *(slice(b, b + n) for b, n in zip(self.before, self.size, strict=True)))

    def column_memory(self, images: int, rows: slice) -> Any:
        """Return memory for columns: (groups, channels / groups * taps, images * run)."""
        shape = (self.groups, self.channels // self.groups * self.taps, images * self._run(rows))
        return workspace(self.xp, "columns", shape, self.dtype)

    def columns(self, block: Any, rows: slice) -> Any:
        """Return the elements under the windows of a piece, in the shape of ``column_memory``."""
        out = self.column_memory(len(block), rows)
        view = self._windows(block, rows)
        out.reshape(view.shape)[...] = view
        return out

    def _windows(self, block: Any, rows: slice) -> Any:
        """Return a view (channels, *kernel, images, windows...) of a padded block."""
        block = block[:, :, rows.start * self.stride[0] :]
        shape = (self._run(rows),) if self.in_runs else (rows.stop - rows.start, *self.counts[1:])
        image, channel, *pitches = block.strides
        steps = [block.itemsize] if self.in_runs else [p * s for p, s in zip(pitches, self.stride, strict=True)]
        inner = [p * d for p, d in zip(pitches, self.dilation, strict=True)]
        return self.xp.lib.stride_tricks.as_strided(
            block, (self.channels, *self.kernel, len(block), *shape), (channel, *inner, image, *steps)
        )

    def zero_block(self, out: Any, images: slice) -> Any:
        """Return zeros in the shape of a padded block, for ``scatter``: in place in ``out`` where there is no padding."""
        shape = (images.stop - images.start, self.channels, *self.extent)
        block = workspace(self.xp, "padded", shape, self.dtype) if self.padded else out[images]
        block.fill(0)
        return block

    def scatter(self, columns: Any, block: Any, rows: slice) -> None:
        """Add the columns of a piece to the elements of a block that they stand for."""
        view = self._windows(block, rows)
        columns = columns.reshape(view.shape)
        for tap in self.xp.ndindex(*self.kernel):
            view[(slice(None), *tap)] += columns[(slice(None), *tap)]

    def unpad(self, block: Any, out: Any, images: slice) -> None:
        """Write a block without its padding into ``out``, where elements that no window reaches are 0."""
        if self.padded:
            source = block[self._inside()]
            target = out[images]
            if source.shape != target.shape:
                target.fill(0)
            target[(..., *(slice(0, n) for n in source.shape[2:]))] = source

    # -- small arrays ---------------------------------------------------------------------------------------------

    def product(self, images: int, rows: slice) -> Any:
        """Return memory for a piece of a small array as a matrix: (groups, outputs / groups, images * run)."""
        shape = (self.groups, self.outputs // self.groups, images * self._run(rows))
        return workspace(self.xp, "product", shape, self.dtype)

    def as_small(self, product: Any, images: int, rows: slice) -> Any:
        """Return a product seen as a piece of a small array: (images, outputs, rows, ...)."""
        shape = (rows.stop - rows.start, *self.counts[1:])
        if not self.in_runs:
            return product.reshape(self.outputs, images, *shape).swapaxes(0, 1)
        item, run = product.itemsize, self._run(rows)
        strides = (run * item, images * run * item, *(pitch * item for pitch in self._pitches()))
        return self.xp.lib.stride_tricks.as_strided(product, (images, self.outputs, *shape), strides)

    def narrow(self, small: Any, images: slice, rows: slice) -> Any:
        """Return a piece of a small array in the shape of ``product``, with zeros where windows would stick out."""
        piece = small[images, :, rows]
        out = self.product(len(piece), rows)
        if self.in_runs:
            out.fill(0)
        self.as_small(out, len(piece), rows)[...] = piece
        return out
