"""Attention: softmax that stands rows without any key, and weights and values of all heads in one step each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, IndexRangeError
from .buffers import add_up, ones
from .threads import halves
from .workspace import workspace

__all__: list[str] = []

# Rows of scores that are worked on together: under a causal mask, those behind the last of them are never computed.
_ROWS = 128
# Scores that are worked on together otherwise, so that they stay in the cache from the product to the values.
_SCORES = 1 << 18


# -- softmax where nothing may be looked at -----------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, out, dim: out * (g - ops.sum(g * out, dim=dim, keepdim=True)),),
    formula=r"e^{x_i} / \sum_j e^{x_j}",
    derivative=r"y_i ([i = j] - y_j)",
    samples=lambda: [
        Sample((3, 4), dim=1),
        Sample((3, 4), dim=0),
        Sample((2, 3, 4), dim=-1),
        Sample((0, 3), dim=1),
        Sample((3, 0), dim=1),
    ],
    errors=lambda: [
        ErrorSample(DTypeError, "make it floating-point", Array(3, dtype="int64"), dim=0),
        ErrorSample(IndexRangeError, "dimension 2 is out of range", (2, 3), dim=2),
    ],
    torch="_safe_softmax",
)
def safe_softmax(xp, input, *, dim, out=None):
    """Return the softmax along a dimension, 0 where every element along it is -inf: nothing is there to be chosen."""
    _check_softmax(input, dim)
    if input.size == 0:
        return xp.zeros(input.shape, input.dtype) if out is None else out
    with xp.errstate(invalid="ignore"):
        result = xp.subtract(input, _top(xp, input, dim), out=out)
        xp.exp(result, out=result)
        result /= _divisor(add_up(xp, result, (dim,), True, None))
    return result


def _check_softmax(input: Any, dim: int) -> None:
    if input.dtype.kind != "f":
        raise DTypeError("softmax", f"the input has dtype {input.dtype}", "make it floating-point, e.g. with .float()")
    if not -input.ndim <= dim < input.ndim:
        raise IndexRangeError(
            "softmax",
            f"dimension {dim} is out of range for shape {tuple(input.shape)}",
            f"use {-input.ndim} to {input.ndim - 1}",
        )


def _top(xp: Any, scores: Any, dim: int) -> Any:
    """Return the largest score along a dimension, 0 where all are -inf: the scores less that are then -inf, not nan."""
    top = xp.maximum.reduce(scores, dim, None, None, True)
    return xp.where(top == -math.inf, xp.zeros((), top.dtype), top)


def _divisor(total: Any) -> Any:
    """Return the sums of exponentials, with 1 for the sum of nothing."""
    total[total == 0] = 1
    return total


# -- a few heads after the others ---------------------------------------------------------------------------------------


def _groups(batch: tuple[int, ...], scores: int) -> list[tuple]:
    """Return the places of groups of neighbouring heads, each with about as many scores as the cache holds."""
    size = max(1, _SCORES // max(scores, 1))
    parts = [slice(first, first + size) for first in range(0, batch[-1], size)]
    return [(*place, part) for place in itertools.product(*map(range, batch[:-1])) for part in parts]


def _pieces(rows: int, columns: int, causal: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (first row, last row, number of columns that any of them looks at)."""
    step = _ROWS if causal else max(1, min(rows, _SCORES // max(columns, 1)))
    for first in range(0, rows, step):
        last = min(rows, first + step)
        yield first, last, min(columns, last) if causal else columns


def _triangle(xp: Any, first: int, last: int, columns: int, dtype: Any) -> Any:
    """Return 0 where a row looks at a column no later than itself, else -inf, for a piece of the rows."""
    late = xp.arange(columns) > xp.arange(first, last)[:, None]
    return xp.where(late, xp.asarray(-math.inf, dtype), xp.zeros((), dtype))


def _by_position(xp: Any, batch: tuple[int, ...], rows: int, columns: int, dtype: Any) -> Any:
    """Return new memory in which the heads of one position lie beside each other, as the next layer wants them."""
    return (
        xp.empty((rows, columns), dtype)
        if not batch
        else xp.empty((*batch[:-1], rows, batch[-1], columns), dtype).swapaxes(-3, -2)
    )


def _at(x: Any, place: Any) -> Any:
    """Return a part of an array, None of nothing."""
    return None if x is None else x[place]


def _write_weights(xp: Any, part: Any, mask: Any, triangle: Any) -> None:
    """Turn a piece of scores into weights, where it lies."""
    if triangle is not None:
        part += triangle
    if mask is not None and mask.dtype.kind == "b":
        xp.copyto(part, -math.inf, where=~mask)
    elif mask is not None:
        part += mask
    # Without a mask every row looks at something.
    part -= xp.maximum.reduce(part, -1, None, None, True) if mask is None else _top(xp, part, -1)
    xp.exp(part, out=part)
    total = (part @ ones(xp, part.shape[-1], part.dtype))[..., None]
    part /= total if mask is None else _divisor(total)


def _attention_gradient(g, query, key, value, out, scale, causal):
    weights = out[1]
    if g[1] is None:
        return (*ops.attention_gradient(g[0], query, key, value, weights, scale=scale, causal=causal), None)
    through = g[1] if g[0] is None else g[1] + g[0] @ value.mT
    slope = weights * (through - ops.sum(through * weights, dim=-1, keepdim=True)) * scale
    return slope @ key, slope.mT @ query, None if g[0] is None else weights.mT @ g[0], None


def _attention_samples() -> Iterator[Sample]:
    yield Sample((3, 2), (3, 2), (3, 2), None, scale=0.7, causal=False)
    yield Sample((2, 3, 2), (2, 4, 2), (2, 4, 3), None, scale=0.7, causal=False)
    yield Sample((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2), None, scale=0.5, causal=True)
    yield Sample((2, 4, 2), (2, 3, 2), (2, 3, 2), None, scale=-0.5, causal=True)
    yield Sample((2, 3, 2), (2, 4, 2), (2, 4, 2), Array(3, 4, dtype="bool"), scale=0.7, causal=False)
    yield Sample((2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 2), Array(2, 1, 1, 4, dtype="bool"), scale=0.7, causal=False)
    yield Sample((2, 3, 2), (2, 0, 2), (2, 0, 2), None, scale=0.7, causal=False)
    yield Sample((0, 3, 2), (0, 3, 2), (0, 3, 2), None, scale=0.7, causal=True)


@primitive(
    vjp=_attention_gradient,
    formula=r"\operatorname{softmax}(s Q K^\top + M) V, \quad \operatorname{softmax}(s Q K^\top + M)",
    derivative=r"s S K, \; s S^\top Q, \; P^\top g, \quad S = P \circ (g V^\top - \overline{P \circ g V^\top})",
    samples=_attention_samples,
    torch="",
)
def attention(xp, query, key, value, mask=None, *, scale, causal, out=None):
    """Return the values averaged with the softmax of scaled products of queries and keys, and these weights.

    Shapes: query (..., L, E), key (..., S, E), value (..., S, F), mask something that stretches to (..., L, S), constant:
    True for what may be looked at, or numbers that are added. ``causal``: row i looks at columns up to i only.
    Results (..., L, F) and (..., L, S).
    """
    batch, rows, columns = query.shape[:-2], query.shape[-2], key.shape[-2]
    result, weights = out or (
        _by_position(xp, batch, rows, value.shape[-1], query.dtype),
        xp.empty((*batch, rows, columns), query.dtype),
    )
    if not weights.size:
        result[...] = 0
        return result, weights
    mask = None if mask is None else xp.broadcast_to(mask, weights.shape)
    # Matrices that are no batch are one of a single head.
    sources = [x if batch else _at(x, None) for x in (query, key, value, mask, result, weights)]
    pieces = list(_pieces(rows, columns, causal))
    triangles = [_triangle(xp, *piece, query.dtype) if causal else None for piece in pieces]
    groups = _groups(batch or (1,), rows * columns)

    def work(begin: int, end: int) -> None:
        for place in groups[begin:end]:
            q, k, v, m, o, p = [_at(x, place) for x in sources]
            q = q * scale
            for (first, last, width), triangle in zip(pieces, triangles, strict=True):
                part = xp.matmul(q[:, first:last], k[:, :width].mT, out=p[:, first:last, :width])
                _write_weights(xp, part, None if m is None else m[:, first:last, :width], triangle)
                p[:, first:last, width:] = 0
                xp.matmul(part, v[:, :width], out=o[:, first:last])

    with xp.errstate(invalid="ignore"):
        halves(xp, work, len(groups))
    return result, weights


def _turn_gradient(g, grad, query, key, value, weights, scale):
    """How the three gradients move with what they are made of; W is what comes back to the slopes of the scores."""
    of_query, of_key, of_value = (0 * x if y is None else y for x, y in zip((query, key, value), g, strict=True))
    through, back = grad @ value.mT, scale * (of_query @ key.mT + query @ of_key.mT)
    along = through - ops.sum(through * weights, dim=-1, keepdim=True)
    across = ops.sum(back * weights, dim=-1, keepdim=True)
    slope, turned = weights * along * scale, weights * (back - across)
    of_weights = grad @ of_value.mT + back * along - through * across
    return weights @ of_value + turned @ value, slope @ of_key, slope.mT @ of_query, turned.mT @ grad, of_weights


@primitive(
    vjp=_turn_gradient,
    formula=r"s S K, \; s S^\top Q, \; P^\top g, \quad S = P \circ (g V^\top - \overline{P \circ g V^\top})",
    samples=lambda: [
        Sample((3, 2), (3, 3), (4, 3), (4, 2), (3, 4), scale=0.7, causal=False),
        Sample((2, 2, 3, 2), (2, 2, 3, 3), (2, 2, 4, 3), (2, 2, 4, 2), (2, 2, 3, 4), scale=0.5, causal=False),
        Sample((2, 3, 2), (2, 3, 2), (2, 0, 2), (2, 0, 2), (2, 3, 0), scale=0.5, causal=False),
        Sample((0, 3, 2), (0, 3, 2), (0, 3, 2), (0, 3, 2), (0, 3, 3), scale=0.5, causal=False),
    ],
    torch="",
)
def attention_gradient(xp, grad, query, key, value, weights, *, scale, causal, out=None):
    """Return the gradients of :func:`attention` for query, key and value; ``causal`` says that weights are 0 ahead."""
    batch, rows, columns = query.shape[:-2], query.shape[-2], key.shape[-2]
    if out is None:
        out = [
            _by_position(xp, batch, rows, query.shape[-1], query.dtype),
            _by_position(xp, batch, columns, key.shape[-1], query.dtype),
            _by_position(xp, batch, columns, value.shape[-1], query.dtype),
        ]
    if not weights.size:
        for array in out:
            array[...] = 0
        return tuple(out)
    sources = [x if batch else x[None] for x in (query, key, value, weights, grad, *out)]
    pieces = list(_pieces(rows, columns, causal))
    groups = _groups(batch or (1,), rows * columns)

    def work(begin: int, end: int) -> None:
        for place in groups[begin:end]:
            q, k, v, p, g, of_query, of_key, of_value = (x[place] for x in sources)
            q, k, slope = q * scale, k * scale, workspace(xp, "attention", p.shape, p.dtype)
            for first, last, width in pieces:
                part, chosen = slope[:, first:last, :width], p[:, first:last, :width]
                xp.matmul(g[:, first:last], v[:, :width].mT, out=part)
                part -= xp.vecdot(part, chosen)[..., None]
                part *= chosen
                xp.matmul(part, k[:, :width], out=of_query[:, first:last])
            for first, last, begun in _transposed(pieces, columns):
                xp.matmul(slope[:, begun:, first:last].mT, q[:, begun:], out=of_key[:, first:last])
                xp.matmul(p[:, begun:, first:last].mT, g[:, begun:], out=of_value[:, first:last])

    halves(xp, work, len(groups))
    return tuple(out)


def _transposed(pieces: list[tuple[int, int, int]], columns: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first column, last column, first row that looks at any of them)."""
    done = 0
    for first, _, width in pieces:
        if width > done:
            yield done, width, first
            done = width
    if done < columns:
        yield done, columns, pieces[-1][1]
