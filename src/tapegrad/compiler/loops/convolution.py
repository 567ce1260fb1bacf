"""Convolutions of programs for Numba: Winograd's, with loops for its transforms and NumPy for its products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import Equation, Variable
from ...ops.algorithm import uses_winograd
from ...ops.threads import halves
from ...ops.winograd import transformed_weight, write_weight
from ...ops.workspace import workspace
from .layout import Layouts

__all__ = ["call_tiles", "convolve_tiles", "convolve_tiles_gradients", "convolve_tiles_weight", "in_parts", "tiles_fit"]

# Bytes of the transformed tiles of one piece of the work, and how many tiles a product has at least.
_BLOCK, _TILES = 1 << 19, 64
# The channels of a part: few enough for a tile to stay in the first cache, many enough for vectors.
_MOST, _FEWEST = 64, 8


def _part(channels: int) -> int:
    """Return how many channels a loop takes at once."""
    return max(n for n in range(1, _MOST + 1) if channels % n == 0)


# -- writing calls ------------------------------------------------------------------------------------------------------


def _places(v: Variable) -> tuple:
    return (v.shape[0], *v.shape[2:])


def _images(e: Equation) -> tuple[Variable, Variable, tuple]:
    """Return the smaller images, which tiles of 4 × 4 make up, the larger ones, and the shape of the weight."""
    if e.primitive.name == "conv":
        return e.outputs[0], e.inputs[0], e.inputs[1].shape
    weight = e.outputs[0] if e.primitive.name == "conv_weight" else e.inputs[2]
    return e.inputs[0], e.inputs[1], weight.shape


def tiles_fit(layouts: Layouts, e: Equation) -> bool:
    """Return whether a convolution, or its gradients, is computed by Winograd's way, with loops for the transforms."""
    if any(not isinstance(v, Variable) for v in (*e.inputs[:2], *e.outputs)):
        return False
    small, large, weight = _images(e)
    if len(small.shape) != 4 or 0 in small.shape or 0 in large.shape:
        return False
    where = (e.keywords[name] for name in ("stride", "padding", "dilation", "groups"))
    images = [small, large, *(e.outputs[:1] if e.primitive.name == "conv_gradients" else ())]
    return (
        uses_winograd(np, small.dtype, weight, _places(small), *where)
        and all(_part(v.shape[1]) >= _FEWEST and layouts.of(v) == _channels_last(v.shape) for v in images)
    )  # fmt: skip


def _channels_last(shape: tuple) -> tuple:
    _, c, h, w = shape
    return h * w * c, 1, w * c, c


def _parts(writer: Any, v: Variable) -> str:
    n, c, h, w = v.shape
    return writer.view_of(v, f"{{}}.transpose(0, 2, 3, 1).reshape({n}, {h}, {w}, {c // _part(c)}, {_part(c)})")


_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "conv": ("input", "output"),
    "conv_weight": ("input", "gradient"),
    "conv_gradients": ("input", "gradient", "back"),
}


def call_tiles(writer: Any, e: Equation) -> list[str]:
    """Return the lines that compute a convolution or its gradients."""
    program, name = writer.writer, e.primitive.name
    loops = ", ".join(f"winograd_{one}_loop" for one in _FUNCTIONS[name])
    befores = tuple(before for before, _ in e.keywords["padding"])
    small, large, _ = _images(e)
    if name == "conv":
        bias = program._text_of(e.inputs[2]) if len(e.inputs) > 2 else "None"
        given = [_parts(writer, large), program._text_of(e.inputs[1]), bias, _parts(writer, small)]
    elif name == "conv_weight":
        given = [_parts(writer, small), _parts(writer, large), program.names[e.outputs[0]]]
    else:
        given = [_parts(writer, small), _parts(writer, large), program._text_of(e.inputs[2])]
        given += [_parts(writer, e.outputs[0]), program.names[e.outputs[1]]]
    function = _DRIVERS[name]
    return [f"{program._give(function.__name__, function)}(np, ({loops}), {', '.join(given)}, {befores})"]


# -- what they call -----------------------------------------------------------------------------------------------------


def in_parts(images: Any) -> Any:
    """Return images (N, H, W, C) as (N, H, W, parts, channels of a part)."""
    channels = images.shape[3]
    return images.reshape(*images.shape[:3], channels // _part(channels), _part(channels))


class _Pieces:
    """Tiles of images (N, H, W, ...), some at a time: ``spans`` has the first of each piece and how many there are."""

    def __init__(self, images: Any, channels: int, whole: bool):
        count, rows, columns = images.shape[:3]
        self.height, self.width = -(-rows // 4), -(-columns // 4)
        tiles = self.height * self.width
        room = max(_TILES, _BLOCK // (36 * 4 * channels))
        if count * tiles >= 2 * _TILES:
            room = min(room, -(-count * tiles // 2))
        self.step = max(1, room // tiles) * tiles if whole else room
        self.spans = [(n, min(self.step, count * tiles - n)) for n in range(0, count * tiles, self.step)]


def _memory(xp: Any, purpose: str, pieces: _Pieces, images: Any) -> Any:
    """Return room for transformed tiles: an odd number, so that the 36 rows do not meet in the same lines of the cache."""
    return workspace(xp, purpose, (36, pieces.step | 1, *images.shape[3:]), images.dtype)


def _matrices(tiles: Any, count: int) -> Any:
    return tiles.reshape(*tiles.shape[:2], -1)[:, :count]


def convolve_tiles(
    xp: Any, loops: tuple[Callable, Callable], input: Any, weight: Any, bias: Any, out: Any, before: tuple
) -> None:
    """Write the convolution of images with a weight (O, C, 3, 3), plus a bias, into ``out``."""
    matrices = transformed_weight(xp, weight.swapaxes(0, 1))
    bias = xp.empty((0, 1), out.dtype) if bias is None else bias.reshape(out.shape[3:])
    pieces = _Pieces(out, weight.shape[0] + weight.shape[1], False)
    to_tiles, from_tiles = loops

    def work(begin: int, end: int) -> None:
        tiles, products = _memory(xp, "transformed", pieces, input), _memory(xp, "product", pieces, out)
        for first, count in pieces.spans[begin:end]:
            to_tiles(input, tiles, first, count, pieces.height, pieces.width, *before)
            xp.matmul(_matrices(tiles, count), matrices, out=_matrices(products, count))
            from_tiles(products, bias, out, first, count, pieces.height, pieces.width)

    halves(xp, work, len(pieces.spans))


def convolve_tiles_weight(
    xp: Any, loops: tuple[Callable, Callable], g: Any, input: Any, out: Any, before: tuple
) -> None:
    """Write the adjoint of :func:`convolve_tiles` in its weight into ``out``."""
    _gradients(xp, loops, g, input, None, None, out, before)


def convolve_tiles_gradients(
    xp: Any,
    loops: tuple[Callable, Callable, Callable],
    g: Any,
    input: Any,
    weight: Any,
    out: Any,
    out_weight: Any,
    before: tuple,
) -> None:
    """Write the adjoints of :func:`convolve_tiles` in its input and in its weight into ``out`` and ``out_weight``."""
    _gradients(xp, loops, g, input, transformed_weight(xp, weight), out, out_weight, before)


def _gradients(
    xp: Any, loops: tuple, g: Any, input: Any, matrices: Any, out: Any, out_weight: Any, before: tuple
) -> None:
    pieces = _Pieces(g, out_weight.shape[0] + out_weight.shape[1], out is not None)
    size = pieces.height, pieces.width
    totals = workspace(xp, "totals", (2, 36, *out_weight.shape[:2]), g.dtype)
    totals.fill(0)

    def work(begin: int, end: int) -> None:
        total = totals[0 if begin == 0 else 1]
        gradients, tiles = _memory(xp, "product", pieces, g), _memory(xp, "transformed", pieces, input)
        part = workspace(xp, "part", total.shape, total.dtype)
        for first, count in pieces.spans[begin:end]:
            gradient = _matrices(gradients, count)
            loops[0](input, tiles, first, count, *size, *before)
            loops[1](g, gradients, first, count, *size)
            total += xp.matmul(gradient.swapaxes(1, 2), _matrices(tiles, count), out=part)
            if out is not None:
                xp.matmul(gradient, matrices, out=_matrices(tiles, count))
                loops[2](tiles, out, first, count, *size, *before)

    halves(xp, work, len(pieces.spans))
    write_weight(xp, [xp.add(*totals, out=totals[0])], out_weight)


_DRIVERS: dict[str, Callable] = {
    "conv": convolve_tiles,
    "conv_weight": convolve_tiles_weight,
    "conv_gradients": convolve_tiles_gradients,
}
