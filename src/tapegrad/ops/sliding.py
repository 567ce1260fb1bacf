"""How a window slides over an array: counts and positions, for any number of dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

__all__ = ["along", "overlaps", "pooled_counts", "window_counts"]

Sizes = tuple[int, ...]


def window_counts(size: Sizes, kernel: Sizes, stride: Sizes, padding: Any, dilation: Sizes) -> Sizes:
    r"""Return how many windows fit into each dimension: :math:`\lfloor (n + p_0 + p_1 - d (k - 1) - 1) / s \rfloor + 1`.

    ``padding`` has a (before, after) pair for each dimension.
    """
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def pooled_counts(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool = False
) -> Sizes:
    """Return how many windows fit when both ends are padded alike.

    With ``ceil_mode`` a window may stick out at the end as long as it begins inside the input or the first padding.
    """
    counts = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        last = -(-room // s) if ceil_mode else room // s
        if ceil_mode and last * s >= n + p:
            last -= 1
        counts.append(last + 1)
    return tuple(counts)


def along(
    size: int, count: int, kernel: int, stride: int, before: int, dilation: int
) -> list[tuple[int, slice, slice]]:
    """Return for one dimension, and every offset k into the window, (k, windows, elements) that meet there."""
    found = []
    for k in range(kernel):
        shift = k * dilation - before
        first = max(0, -(shift // stride))
        last = min(count - 1, (size - 1 - shift) // stride)
        if first <= last:
            windows = slice(first, last + 1)
            elements = slice(first * stride + shift, last * stride + shift + 1, stride)
            found.append((k, windows, elements))
    return found


def overlaps(
    size: Sizes, counts: Sizes, kernel: Sizes, stride: Sizes, before: Sizes, dilation: Sizes
) -> Iterator[tuple[int, tuple, tuple]]:
    """Yield for each offset into the window, numbered in row-major order: (number, index of windows, index of elements).

    The windows are those whose element at that offset lies inside the array, so nothing need ever be padded. Both
    indices begin with an ellipsis and are slices.
    """
    dimensions = [along(*one) for one in zip(size, counts, kernel, stride, before, dilation, strict=True)]
    for choice in itertools.product(*dimensions):
        number = 0
        for (k, _, _), n in zip(choice, kernel, strict=True):
            number = number * n + k
        yield number, (..., *(w for _, w, _ in choice)), (..., *(e for _, _, e in choice))
