"""Arrays seen as groups of elements with statistics of their own, worked on in pieces that fit the cache.

A group is what a normalisation reduces over: a channel, a row. Whatever the order of the dimensions in memory, an array
is seen as (before, groups, after), where a group's elements are those of the first and the last axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from .buffers import axes_of, ones

__all__: list[str] = []

# Elements of one piece: three such arrays stay in the second-level cache.
_PIECE = 1 << 15
# NumPy's broadcasting costs as much for each row as some hundred elements: rows of about this many make that little.
_ROW = 1 << 13


class Groups:
    """The view (before, groups, after) that an array and others of its shape have in memory.

    Where the groups lie last in memory (channels-last), several rows of them are seen as one, and each statistic is
    repeated as often.
    """

    def __init__(self, array: Any, order: list[int], axes: set[int]):
        shape = array.shape
        self.shape = shape
        self.order = order
        self.kept = [1 if d in axes else shape[d] for d in order]
        first = sum(1 for _ in takewhile(axes.__contains__, order))
        last = sum(1 for _ in takewhile(axes.__contains__, reversed(order[first:])))
        before = math.prod(shape[d] for d in order[:first])
        self.groups = math.prod(self.kept)
        self.after = math.prod(shape[d] for d in order[len(order) - last :])
        self.size = before * self.after
        self.times = _divisor(before, _ROW // self.groups) if self.after == 1 else 1
        self.columns = self.groups * self.times
        self.before = before // self.times

    def view(self, array: Any) -> Any:
        """Return an array of the shape as (before, groups, after), in the same memory if it has the same order."""
        return array.transpose(self.order).reshape(self.before, self.columns, self.after)

    def holds(self, array: Any) -> bool:
        """Return whether an array's memory has the order of these groups, so that its view can be written to."""
        return array.transpose(self.order).flags.c_contiguous

    def restored(self, view: Any) -> Any:
        """Return a view (before, groups, after) in the shape of the arrays."""
        return view.reshape([self.shape[d] for d in self.order]).transpose(self._back())

    def spread(self, xp: Any, statistic: Any) -> Any:
        """Return a statistic, of size 1 where it was reduced, as a matrix that broadcasts against a view.

        It is written out in full unless that is large: equal shapes take NumPy half the time of a stretched column.
        """
        column = statistic.transpose(self.order).reshape(-1, 1)
        column = column if self.times == 1 else xp.tile(column, (self.times, 1))
        if self.columns * self.after > 2 * _PIECE:
            return column
        return xp.ascontiguousarray(xp.broadcast_to(column, (self.columns, self.after)))

    def gathered(self, sums: Any) -> Any:
        """Return one number for each group as a statistic of size 1 where it was reduced."""
        return sums.reshape(self.kept).transpose(self._back())

    def _back(self) -> list[int]:
        return [self.order.index(d) for d in range(len(self.order))]

    def pieces(self) -> Iterator[slice]:
        """Yield which parts of a view's first axis are a piece."""
        step = self._step()
        return (slice(start, start + step) for start in range(0, self.before, step))

    def _step(self) -> int:
        return max(1, _PIECE // (self.columns * self.after))

    def scratch(self, xp: Any, dtype: Any) -> Any:
        """Return memory for one piece."""
        return xp.empty((min(self.before, self._step()), self.columns, self.after), dtype)

    def sums(self, xp: Any, piece: Any) -> Any:
        """Return the sum of each group of a piece, by products with ones."""
        before, columns, after = piece.shape
        rows = piece.reshape(before * columns, after) @ ones(xp, after, piece.dtype) if after > 1 else piece
        rows = rows.reshape(before * self.times, -1)
        return ones(xp, len(rows), piece.dtype) @ rows

    def sums_of_products(self, xp: Any, x: Any, y: Any, scratch: Any) -> Any:
        """Return the sum of x y in each group of two pieces."""
        if self.after > 1:
            return ones(xp, len(x), x.dtype) @ xp.vecdot(x, y)
        return self.sums(xp, xp.multiply(x, y, out=scratch[: len(x)]))


def groups_of(array: Any, dim: Any) -> Groups | None:
    """Return how an array's groups lie in memory, or None where they do not lie together.

    Also None for float16, and where pieces were measured not to pay: small arrays, matrices, and groups that come one
    behind the other.
    """
    if array.size < _PIECE or array.ndim < 3 or array.dtype.char not in "fd":
        return None
    axes = axes_of(dim, array.ndim)
    if axes is None:
        return None
    order = sorted(range(array.ndim), key=lambda d: -array.strides[d])
    kept = [i for i, d in enumerate(order) if d not in axes]
    if not kept or kept[-1] - kept[0] != len(kept) - 1 or not array.transpose(order).flags.c_contiguous:
        return None
    groups = Groups(array, order, axes)
    return groups if groups.before > 1 else None


def _divisor(number: int, limit: int) -> int:
    """Return the largest divisor of a number that is not above a limit, at least 1."""
    return next((k for k in range(min(limit, number), 1, -1) if number % k == 0), 1)
