"""Convolutions of programs for Numba that are products of columns: loops copy the columns and add them up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import Equation, Variable
from ...ops.algorithm import uses_winograd
from ...ops.lowering import last_channels
from ...ops.threads import halves
from ...ops.workspace import workspace
from .layout import Layouts

__all__ = [
    "call_columns",
    "columns_fit",
    "convolve_columns",
    "convolve_columns_gradients",
    "convolve_columns_transposed",
    "convolve_columns_weight",
]

# Bytes of the columns and products of one piece of the work, and how many windows a product has at least.
_BLOCK, _WINDOWS = 1 << 19, 256
# With fewer channels the copies are too short.
_FEWEST = 8


# -- writing calls ------------------------------------------------------------------------------------------------------


def _images(e: Equation) -> tuple[Any, Any]:
    """Return the smaller images, one place for each window, and the larger ones."""
    name = e.primitive.name
    if name in ("conv", "conv_transpose"):
        pair = e.outputs[0], e.inputs[0]
        return pair if name == "conv" else pair[::-1]
    return e.inputs[0], e.inputs[1]


def columns_fit(layouts: Layouts, e: Equation) -> bool:
    """Return whether a convolution, or its gradients, is written as products of columns that loops copy."""
    if any(not isinstance(v, Variable) for v in (*e.inputs[:2], *e.outputs)) or e.keywords["groups"] != 1:
        return False
    small, large = _images(e)
    weight = e.outputs[-1] if e.primitive.name in ("conv_weight", "conv_gradients") else e.inputs[1]
    if len(small.shape) != 4 or any(0 in v.shape for v in (small, large, weight)):
        return False
    if math.prod(weight.shape[2:]) == 1 and math.prod(e.keywords["stride"]) == 1:
        return False
    where = (e.keywords[name] for name in ("stride", "padding", "dilation", "groups"))
    if uses_winograd(np, small.dtype, tuple(weight.shape), (small.shape[0], *small.shape[2:]), *where):
        return False
    images = [small, large, *(e.outputs[:1] if e.primitive.name == "conv_gradients" else ())]
    return (
        small.dtype.name in ("float32", "float64")
        and all(v.dtype == small.dtype for v in (*e.inputs[:2], *e.outputs))
        and large.shape[1] >= _FEWEST
        and all(layouts.of(v) == _channels_last(v.shape) for v in images)
    )


def _channels_last(shape: tuple) -> tuple:
    _, c, h, w = shape
    return h * w * c, 1, w * c, c


def call_columns(writer: Any, e: Equation) -> list[str]:
    """Return the lines that compute a convolution or its gradients."""
    program, name = writer.writer, e.primitive.name
    small, large = (writer.view_of(v, "{}.transpose(0, 2, 3, 1)") for v in _images(e))
    befores = (before for before, _ in e.keywords["padding"])
    where = (*e.keywords["stride"], *befores, *e.keywords["dilation"])
    bias = program._text_of(e.inputs[2]) if len(e.inputs) > 2 else "None"
    if name == "conv":
        loops, given = "columns_loop", [large, program._text_of(e.inputs[1]), bias, small]
    elif name == "conv_transpose":
        loops, given = "spread_loop", [small, program._text_of(e.inputs[1]), bias, large]
    elif name == "conv_weight":
        loops, given = "columns_loop", [small, large, program.names[e.outputs[0]]]
    else:
        out = writer.view_of(e.outputs[0], "{}.transpose(0, 2, 3, 1)")
        loops = "columns_loop, spread_loop"
        given = [small, large, program._text_of(e.inputs[2]), out, program.names[e.outputs[1]]]
    function = program._give(_DRIVERS[name].__name__, _DRIVERS[name])
    return [f"{function}(np, {loops}, {', '.join(given)}, {where})"]


# -- what they call -----------------------------------------------------------------------------------------------------


class _Pieces:
    """Windows of images (N, H, W, C), some at a time: ``spans`` has the first of each piece and how many there are."""

    def __init__(self, small: Any, columns: int, whole: bool):
        count, self.height, self.width, channels = small.shape
        places = self.height * self.width
        room = max(_WINDOWS, _BLOCK // ((columns + channels) * small.itemsize))
        room = min(room, -(-count * places // 2))
        self.step = max(1, room // places) * places if whole else room
        self.spans = [(n, min(self.step, count * places - n)) for n in range(0, count * places, self.step)]


def _matrix(xp: Any, weight: Any) -> Any:
    """Return a weight (O, C, *kernel) as a matrix (O, taps and channels), valid until the next call in this thread."""
    taps = last_channels(weight)
    out = workspace(xp, "matrix", taps.shape, weight.dtype)
    out[...] = taps
    return out.reshape(len(weight), -1)


def _columns(xp: Any, pieces: _Pieces, kernel: tuple, large: Any) -> Any:
    return workspace(xp, "columns", (pieces.step, *kernel, large.shape[3]), large.dtype)


def _flat(columns: Any, count: int) -> Any:
    return columns[:count].reshape(count, -1)


def convolve_columns(xp: Any, loop: Callable, input: Any, weight: Any, bias: Any, out: Any, where: tuple) -> None:
    """Write the convolution of images with a weight (O, C, *kernel), plus a bias, into ``out``."""
    matrix = _matrix(xp, weight).T
    pieces = _Pieces(out, len(matrix), False)
    rows = out.reshape(-1, out.shape[3])

    def work(begin: int, end: int) -> None:
        columns = _columns(xp, pieces, weight.shape[2:], input)
        for first, count in pieces.spans[begin:end]:
            loop(input, columns, first, count, pieces.height, pieces.width, *where)
            part = xp.matmul(_flat(columns, count), matrix, out=rows[first : first + count])
            if bias is not None:
                part += bias

    halves(xp, work, len(pieces.spans))


def convolve_columns_transposed(
    xp: Any, loop: Callable, input: Any, weight: Any, bias: Any, out: Any, where: tuple
) -> None:
    """Write the adjoint of :func:`convolve_columns` in its input, plus a bias, into ``out``."""
    matrix = _matrix(xp, weight)
    pieces = _Pieces(input, matrix.shape[1], True)
    rows, places = input.reshape(-1, len(weight)), pieces.height * pieces.width

    def work(begin: int, end: int) -> None:
        columns = _columns(xp, pieces, weight.shape[2:], out)
        for first, count in pieces.spans[begin:end]:
            xp.matmul(rows[first : first + count], matrix, out=_flat(columns, count))
            loop(columns, out, first, count, pieces.height, pieces.width, *where)
            if bias is not None:
                part = out[first // places : (first + count) // places]
                part += bias

    halves(xp, work, len(pieces.spans))


def convolve_columns_weight(xp: Any, loop: Callable, g: Any, input: Any, out: Any, where: tuple) -> None:
    """Write the adjoint of :func:`convolve_columns` in its weight into ``out``."""
    _gradients(xp, (loop, None), g, input, None, None, out, where)


def convolve_columns_gradients(
    xp: Any,
    loop: Callable,
    back: Callable,
    g: Any,
    input: Any,
    weight: Any,
    out: Any,
    out_weight: Any,
    where: tuple,
) -> None:
    """Write the adjoints of :func:`convolve_columns` in its input and in its weight into ``out`` and ``out_weight``."""
    _gradients(xp, (loop, back), g, input, weight, out, out_weight, where)


def _gradients(xp: Any, loops: tuple, g: Any, input: Any, weight: Any, out: Any, out_weight: Any, where: tuple) -> None:
    loop, back = loops
    outputs, channels, *kernel = out_weight.shape
    pieces = _Pieces(g, channels * math.prod(kernel), True)
    size = pieces.height, pieces.width
    matrix = None if weight is None else _matrix(xp, weight)
    totals = workspace(xp, "totals", (2, outputs, channels * math.prod(kernel)), g.dtype)
    totals.fill(0)
    rows = g.reshape(-1, outputs)

    def work(begin: int, end: int) -> None:
        total = totals[0 if begin == 0 else 1]
        columns, part = _columns(xp, pieces, tuple(kernel), input), workspace(xp, "part", total.shape, total.dtype)
        for first, count in pieces.spans[begin:end]:
            piece, flat = rows[first : first + count], _flat(columns, count)
            loop(input, columns, first, count, *size, *where)
            total += xp.matmul(piece.T, flat, out=part)
            if matrix is not None:
                xp.matmul(piece, matrix, out=flat)
                back(columns, out, first, count, *size, *where)

    halves(xp, work, len(pieces.spans))
    total = xp.add(*totals, out=totals[0])
    last_channels(out_weight)[...] = total.reshape(outputs, *kernel, channels)


_DRIVERS: dict[str, Callable] = {
    "conv": convolve_columns,
    "conv_transpose": convolve_columns_transposed,
    "conv_weight": convolve_columns_weight,
    "conv_gradients": convolve_columns_gradients,
}
