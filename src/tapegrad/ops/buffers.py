"""What kernels share for writing into given arrays, and small constant arrays that they need again and again."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import takewhile
from typing import Any

__all__: list[str] = []

# Constant arrays of up to this many elements are kept.
_SMALL = 1 << 16
# From this size on what an operation costs for each element counts for more than how it is called: comparing with a
# number costs several times what clipping between two does, and it pays to look for the fastest way of adding up.
MANY = 1 << 12
# OpenBLAS shares a product of a vector with a larger matrix between threads, which costs more waiting than it saves.
_SHARED = 1 << 19


def into(out: Any, result: Any) -> Any:
    """Return ``out`` with a result written into it, or the result itself when there is no ``out``."""
    if out is None:
        return result
    out[...] = result
    return out


def zeros(xp: Any, shape: tuple, dtype: Any, out: Any) -> Any:
    """Return zeros to write into: ``out`` filled with them, or a new array."""
    if out is None:
        return xp.zeros(shape, dtype)
    out[...] = 0
    return out


def as_rows(out: Any, columns: int) -> Any:
    """Return ``out`` as a matrix in the same memory, or None where that is not possible."""
    return out.reshape(-1, columns) if out is not None and columns and out.flags.c_contiguous else None


@lru_cache(maxsize=64)
def _kept_ones(xp: Any, count: int, dtype: Any) -> Any:
    return xp.broadcast_to(xp.ones(count, dtype), count)


def ones(xp: Any, count: int, dtype: Any) -> Any:
    """Return a vector of ones, which is not to be written to: a product with it is NumPy's fastest sum."""
    return _kept_ones(xp, count, dtype) if count <= _SMALL else xp.ones(count, dtype)


# What a program may look up once, since it is the same each time.
ones.is_constant = True  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def _kept_steps(xp: Any, count: int, step: int) -> Any:
    return xp.broadcast_to(xp.arange(0, count * step, step), count)


def steps(xp: Any, count: int, step: int) -> Any:
    """Return the first ``count`` multiples of a step from 0, which are not to be written to: where rows begin."""
    return _kept_steps(xp, count, step) if 0 < count <= _SMALL and step else xp.arange(count) * step


steps.is_constant = True  # type: ignore[attr-defined]


def add_up(xp: Any, input: Any, axis: Any, keepdim: bool, out: Any) -> Any:
    """Return the sum over axes (None: all), by products with ones where that is faster than NumPy's reduction.

    What lies behind each other in memory is taken as one axis, whatever the order of the dimensions.
    """
    if input.ndim == 2 and input.dtype.char in "fd":
        if axis in (0, -2, (0,)):
            along = ones(xp, input.shape[0], input.dtype)
            return xp.matmul(along[None] if keepdim else along, input, out=out)
        if axis in (1, -1, (1,), (-1,)):
            along = ones(xp, input.shape[1], input.dtype)
            return xp.matmul(input, along[:, None] if keepdim else along, out=out)
    axes = axes_of(axis, input.ndim)
    if axes is None or input.ndim < 3 or input.size < MANY or input.dtype.char not in "fd":
        return xp.add.reduce(input, axis, None, out, keepdim)
    order = sorted(range(input.ndim), key=lambda d: -input.strides[d])
    rows = input.transpose(order)
    if not rows.flags.c_contiguous:
        return xp.add.reduce(input, axis, None, out, keepdim)
    last = _run(reversed(order), axes)
    first = _run(order[: input.ndim - last], axes)
    kept = order[first : input.ndim - last]
    length = math.prod(input.shape[d] for d in order[input.ndim - last :])
    count = math.prod(input.shape[d] for d in order[:first])
    rows = rows.reshape(-1, length) @ ones(xp, length, input.dtype) if last else rows
    rows = _columns_added(xp, rows.reshape(count, -1)) if first else rows
    rows = rows.reshape([input.shape[d] for d in kept])
    rows = xp.add.reduce(rows, tuple(i for i, d in enumerate(kept) if d in axes))
    kept = [d for d in kept if d not in axes]
    rows = rows.transpose([kept.index(d) for d in sorted(kept)])
    shape = [1 if d in axes else n for d, n in enumerate(input.shape)]
    return into(out, rows.reshape(shape) if keepdim else rows)


def _columns_added(xp: Any, rows: Any) -> Any:
    """Return the sums of the columns of a matrix."""
    count = len(rows)
    parts = math.gcd(count, 1 << max(0, rows.size // _SHARED).bit_length())
    if parts == 1:
        return ones(xp, count, rows.dtype) @ rows
    sums = ones(xp, count // parts, rows.dtype) @ rows.reshape(parts, count // parts, -1)
    return xp.add.reduce(sums, 0)


def axes_of(axis: Any, ndim: int) -> set | None:
    """Return axes counted from the front, or None for all of them and for what NumPy refuses."""
    if axis is None:
        return None
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = {d % ndim for d in given if -ndim <= d < ndim}
    return axes if len(axes) == len(given) else None


def _run(dims: Any, axes: set) -> int:
    """Return how many of the first dimensions are among the axes."""
    return sum(1 for _ in takewhile(axes.__contains__, dims))
