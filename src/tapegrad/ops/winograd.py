r"""Winograd's convolution F(4 × 4, 3 × 3): 36 multiplications for 16 results that take 144 otherwise.

A tile of 6 × 6 elements d and a kernel g of 3 × 3 give 4 × 4 results :math:`A^T [(G g G^T) \odot (B^T d B)] A`. The sum
over channels turns the 36 products of numbers into 36 products of matrices (tiles, C) · (C, O). Both gradients are the
adjoints of the same steps and share the transformed gradient :math:`A\, \bar y\, A^T`.
B and A are applied to both dimensions at once, as one product with a Kronecker product: the 36 elements of a tile are the
rows of a matrix, all tiles and channels its columns.
Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), https://arxiv.org/abs/1509.09308
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from .lowering import Windows
from .threads import halves
from .workspace import workspace

__all__ = ["transformed_weight", "winograd", "winograd_gradients", "winograd_weight", "write_weight"]

# Bytes of the transformed tiles of one piece of the work.
_BLOCK = 2 << 20

# Tiles whose number does not make up for a thread's reading all transformed weights are not shared out.
_TILES = 64

# Where the polynomials of the transforms are evaluated, besides infinity: with larger or smaller ones errors grow.
_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
_ONES = (1, 1)


def _basis(skip: int) -> list[float]:
    """Return the coefficients of the product of (x - p) over all points but one, the constant first."""
    found = [1.0]
    for p in (*_POINTS[:skip], *_POINTS[skip + 1 :]):
        found = [low - p * high for low, high in zip([0.0, *found], [*found, 0.0], strict=True)]
    return found


def _transforms() -> dict[str, list]:
    """Return A (6 × 4), B (6 × 6) and G (6 × 3): evaluation at the points, and interpolation (Toom and Cook)."""
    scale = [math.prod(p - q for q in _POINTS if q != p) for p in _POINTS]
    evaluate = [[p**k for k in range(4)] for p in _POINTS]
    bases = [[*_basis(i), 0.0] for i in range(5)] + [_basis(5)]
    return {
        "A": [*evaluate, [0.0, 0.0, 0.0, 1.0]],
        "B": [list(column) for column in zip(*bases, strict=True)],
        "G": [[x / n for x in row[:3]] for row, n in zip(evaluate, scale, strict=True)] + [[0.0, 0.0, 1.0]],
    }


@cache
def _squared(xp: Any, name: str) -> Any:
    """Return the Kronecker product of a transform with itself."""
    matrix = xp.asarray(_transforms()[name], xp.float64)
    return xp.kron(matrix, matrix).astype(xp.float32)


# -- tiles --------------------------------------------------------------------------------------------------------------


class _Tiles:
    """The tiles of an image (N, C, H, W): ``side`` elements along both dimensions, one every four.

    A piece of the work is some images, or some rows of tiles.
    """

    def __init__(self, xp: Any, array: Any, counts: tuple, side: int, before: tuple):
        self.xp, self.array, self.side, self.before = xp, array, side, before
        self.windows = Windows(xp, array, counts, (side, side), (4, 4), before, _ONES)
        self.counts = counts
        self.channels = array.shape[1]

    def _memory(self, purpose: str, *shape: int) -> Any:
        return workspace(self.xp, purpose, shape, self.windows.dtype)

    def gathered(self, piece: tuple, purpose: str) -> Any:
        """Return the elements of the tiles of a piece: (elements, tiles · C)."""
        images, rows = piece
        view = self.windows.view(self.windows.block(images, rows, False), rows).transpose(2, 3, 0, 4, 5, 1)
        out = self._memory(purpose, *view.shape)
        out[...] = view
        return out.reshape(self.side * self.side, -1)

    def spread(self, tiles: Any, piece: tuple) -> None:
        """Write the elements of the tiles of a piece (elements, tiles · C), which do not overlap, into the array."""
        images, rows = piece
        height, width = rows.stop - rows.start, self.counts[1]
        part = self.array[images, :, rows.start * 4 : rows.stop * 4]
        tiles = tiles.reshape(4, 4, len(part), height, width, self.channels)
        for i, ty, y in _runs(part.shape[2]):
            for j, tx, x in _runs(part.shape[3]):
                target = part[:, :, y, x]
                target = target.reshape(*target.shape[:2], ty.stop - ty.start, -1, tx.stop - tx.start, j.stop)
                target.transpose(3, 5, 0, 2, 4, 1)[...] = tiles[i, j, :, ty, tx]

    def added(self, tiles: Any, images: slice) -> None:
        """Write the sums of the tiles of some images (elements, tiles · C), which overlap by two, into the array."""
        out = self.array[images]
        height, width = self.counts
        size = (4 * height + 2, 4 * width + 2)
        inside = not any(self.before) and out.shape[2:] == size and out.strides[1] == out.itemsize
        block = out.transpose(0, 2, 3, 1) if inside else self._memory("padded", len(out), *size, self.channels)
        block[:, 4 * height :] = 0
        block[:, :, 4 * width :] = 0
        tiles = tiles.reshape(6, 6, len(out), height, width, self.channels)
        overlapping = self.windows.view(block.transpose(0, 3, 1, 2), slice(0, height)).transpose(2, 3, 0, 4, 5, 1)
        overlapping[:4, :4] = tiles[:4, :4]
        # Neither of these parts overlaps itself.
        for part in ((slice(0, 4), slice(4, 6)), (slice(4, 6), slice(0, 4)), (slice(4, 6), slice(4, 6))):
            overlapping[part] += tiles[part]
        if not inside:
            (top, left), rows = self.before, block.transpose(0, 3, 1, 2)
            out[...] = rows[:, :, top : top + out.shape[2], left : left + out.shape[3]]


def _runs(size: int) -> list[tuple[slice, slice, slice]]:
    """Return (elements of a tile, tiles, elements of the array) that meet: whole tiles, and a last one in part."""
    whole, rest = divmod(size, 4)
    full = [(slice(0, 4), slice(0, whole), slice(0, 4 * whole))] if whole else []
    return [*full, (slice(0, rest), slice(whole, whole + 1), slice(4 * whole, size))] if rest else full


def _pieces(images: int, counts: tuple, channels: int, outputs: int, whole: bool) -> list[tuple[slice, slice]]:
    """Return pieces of some images, and some rows of their tiles unless images are to stay ``whole``."""
    height, width = counts
    room = max(1, _BLOCK // (36 * (channels + outputs) * 4))
    if images * height * width >= 2 * _TILES:
        room = min(max(room, _TILES), -(-images * height * width // 2))
    many = max(1, min(images, room // (height * width)))
    rows = height if whole else max(1, min(height, height * room // (height * width)))
    return [
        (slice(n, min(n + many, images)), slice(r, min(r + rows, height)))
        for n in range(0, images, many)
        for r in range(0, height, rows)
    ]


def _tile_counts(size: tuple) -> tuple:
    return tuple(-(-n // 4) for n in size)


# -- transforms ---------------------------------------------------------------------------------------------------------


def _product(xp: Any, matrix: Any, columns: Any, purpose: str) -> Any:
    out = workspace(xp, purpose, (len(matrix), columns.shape[1]), columns.dtype)
    return xp.matmul(matrix, columns, out=out)


def _transformed_input(xp: Any, tiles: _Tiles, piece: tuple) -> Any:
    """Return B^T d B of tiles of 6 × 6: (36, tiles, C)."""
    out = _product(xp, _squared(xp, "B").T, tiles.gathered(piece, "large"), "transformed")
    return out.reshape(36, -1, tiles.channels)


def _transformed_gradient(xp: Any, tiles: _Tiles, piece: tuple) -> Any:
    """Return A g A^T of tiles of 4 × 4: (36, tiles, O)."""
    out = _product(xp, _squared(xp, "A"), tiles.gathered(piece, "small"), "product")
    return out.reshape(36, -1, tiles.channels)


def transformed_weight(xp: Any, weight: Any) -> Any:
    """Return G g G^T of a weight (O, C, 3, 3): (36, O, C), valid until the next call in this thread."""
    taps = weight.reshape(-1, 9)
    return _product(xp, _squared(xp, "G"), taps.T, "weights").reshape(36, *weight.shape[:2])


def write_weight(xp: Any, totals: list, out: Any) -> None:
    """Write the adjoint of the transform of weights, of a sum of parts (36, O, C), into ``out`` (O, C, 3, 3)."""
    total = totals[0] if len(totals) == 1 else totals[0] + totals[1]
    out[...] = (total.reshape(36, -1).T @ _squared(xp, "G")).reshape(out.shape)


def _multiplied(xp: Any, tiles: Any, matrices: Any, purpose: str) -> Any:
    """Return the 36 products of transformed tiles with transformed weights: (36, tiles · channels)."""
    out = workspace(xp, purpose, (36, tiles.shape[1], matrices.shape[2]), tiles.dtype)
    return xp.matmul(tiles, matrices, out=out).reshape(36, -1)


# -- the three directions -----------------------------------------------------------------------------------------------


def winograd(xp: Any, input: Any, weight: Any, bias: Any, out: Any, before: tuple) -> None:
    """Write the convolution of images with a weight (O, C, 3, 3), plus a bias, into ``out``."""
    # Small products want no transposing: the weight's taps are small enough to do it before.
    matrices = transformed_weight(xp, weight.swapaxes(0, 1))
    counts = _tile_counts(out.shape[2:])
    pieces = _pieces(len(out), counts, weight.shape[1], len(weight), False)
    tiles, results = _Tiles(xp, input, counts, 6, before), _Tiles(xp, out, counts, 4, (0, 0))

    def work(first: int, last: int) -> None:
        for piece in pieces[first:last]:
            product = _multiplied(xp, _transformed_input(xp, tiles, piece), matrices, "product")
            small = _product(xp, _squared(xp, "A").T, product, "small")
            if bias is not None:
                small.reshape(-1, len(bias))[...] += bias
            results.spread(small, piece)

    halves(xp, work, len(pieces))


def winograd_weight(xp: Any, input: Any, other: Any, out: Any, before: tuple) -> None:
    """Write the adjoint of :func:`winograd` in its weight into ``out``."""
    counts = _tile_counts(input.shape[2:])
    pieces = _pieces(len(input), counts, other.shape[1], input.shape[1], False)
    tiles, gradients = _Tiles(xp, other, counts, 6, before), _Tiles(xp, input, counts, 4, (0, 0))

    def work(first: int, last: int) -> Any:
        total = None
        for piece in pieces[first:last]:
            gradient = _transformed_gradient(xp, gradients, piece)
            total = _add_weight(xp, total, _transformed_input(xp, tiles, piece), gradient)
        return total

    write_weight(xp, halves(xp, work, len(pieces)), out)


def winograd_gradients(xp: Any, g: Any, input: Any, weight: Any, out: tuple, before: tuple) -> None:
    """Write the adjoints of :func:`winograd` in its input and in its weight into the pair ``out``."""
    matrices = transformed_weight(xp, weight)
    counts = _tile_counts(g.shape[2:])
    pieces = _pieces(len(g), counts, input.shape[1], g.shape[1], True)
    tiles, gradients = _Tiles(xp, input, counts, 6, before), _Tiles(xp, g, counts, 4, (0, 0))
    results = _Tiles(xp, out[0], counts, 6, before)

    def work(first: int, last: int) -> Any:
        total = None
        for piece in pieces[first:last]:
            gradient = _transformed_gradient(xp, gradients, piece)
            total = _add_weight(xp, total, _transformed_input(xp, tiles, piece), gradient)
            back = _multiplied(xp, gradient, matrices, "transformed")
            results.added(_product(xp, _squared(xp, "B"), back, "large"), piece[0])
        return total

    write_weight(xp, halves(xp, work, len(pieces)), out[1])


def _add_weight(xp: Any, total: Any, tiles: Any, gradient: Any) -> Any:
    """Return a sum of transformed weight gradients (36, O, C), and that of a piece."""
    if total is None:
        return xp.matmul(gradient.swapaxes(1, 2), tiles)
    part = workspace(xp, "part", total.shape, total.dtype)
    total += xp.matmul(gradient.swapaxes(1, 2), tiles, out=part)
    return total
