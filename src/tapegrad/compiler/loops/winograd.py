"""Loops of Winograd's convolution F(4 × 4, 3 × 3): the transforms of tiles, one dimension after the other.

Images are (N, H, W, parts, channels of a part), transformed tiles (36, tiles, parts, channels of a part). The transforms
are those of ops.winograd, with the points 0, ±3/4, ±3/2 and infinity, whose even and odd powers are summed once. Loops over
channels write few arrays each, so that the compiler makes vectors of them. None of these functions is called as it stands.
"""

from __future__ import annotations

import numpy as np

__all__ = ["winograd_back_loop", "winograd_gradient_loop", "winograd_input_loop", "winograd_output_loop"]

number = np.float32


def winograd_input_loop(x, out, first, count, height, width, top, left):
    """B^T d B of tiles of 6 × 6 elements, the first of which begins above and left of an image."""
    _, rows, columns, parts, size = x.shape
    tile, half = np.empty((36, 64), x.dtype), np.empty((36, 64), x.dtype)
    for t in range(count):
        n, rest = divmod(first + t, height * width)
        u, v = 4 * (rest // width) - top, 4 * (rest % width) - left
        for part in range(parts):
            for i in range(6):
                for j in range(6):
                    if 0 <= u + i < rows and 0 <= v + j < columns:
                        for c in range(size):
                            tile[6 * i + j, c] = x[n, u + i, v + j, part, c]
                    else:
                        for c in range(size):
                            tile[6 * i + j, c] = number(0.0)
            for j in range(6):
                for c in range(size):
                    x0, x1, x2 = tile[j, c], tile[6 + j, c], tile[12 + j, c]
                    x3, x4, x5 = tile[18 + j, c], tile[24 + j, c], tile[30 + j, c]
                    even, odd = x4 - number(2.25) * x2, number(0.75) * x3 - number(1.6875) * x1
                    half[j, c] = number(1.265625) * x0 - number(2.8125) * x2 + x4
                    half[6 + j, c] = even + odd
                    half[12 + j, c] = even - odd
                    even, odd = x4 - number(0.5625) * x2, number(1.5) * x3 - number(0.84375) * x1
                    half[18 + j, c] = even + odd
                    half[24 + j, c] = even - odd
                    half[30 + j, c] = number(1.265625) * x1 - number(2.8125) * x3 + x5
            for i in range(0, 36, 6):
                for c in range(size):
                    out[i, t, part, c] = (
                        number(1.265625) * half[i, c] - number(2.8125) * half[i + 2, c] + half[i + 4, c]
                    )
                for c in range(size):
                    even = half[i + 4, c] - number(2.25) * half[i + 2, c]
                    odd = number(0.75) * half[i + 3, c] - number(1.6875) * half[i + 1, c]
                    out[i + 1, t, part, c] = even + odd
                    out[i + 2, t, part, c] = even - odd
                for c in range(size):
                    even = half[i + 4, c] - number(0.5625) * half[i + 2, c]
                    odd = number(1.5) * half[i + 3, c] - number(0.84375) * half[i + 1, c]
                    out[i + 3, t, part, c] = even + odd
                    out[i + 4, t, part, c] = even - odd
                for c in range(size):
                    out[i + 5, t, part, c] = (
                        number(1.265625) * half[i + 1, c] - number(2.8125) * half[i + 3, c] + half[i + 5, c]
                    )


def winograd_output_loop(product, bias, out, first, count, height, width):
    """A^T m A, tiles of 4 × 4 results, plus a bias unless that is empty."""
    _, rows, columns, parts, size = out.shape
    half, tile = np.empty((24, 64), out.dtype), np.empty((16, 64), out.dtype)
    biased = bias.size > 0
    for t in range(count):
        n, rest = divmod(first + t, height * width)
        u, v = 4 * (rest // width), 4 * (rest % width)
        for part in range(parts):
            for j in range(6):
                for c in range(size):
                    sum1 = product[6 + j, t, part, c] + product[12 + j, t, part, c]
                    sum2 = product[18 + j, t, part, c] + product[24 + j, t, part, c]
                    half[j, c] = product[j, t, part, c] + sum1 + sum2
                    half[12 + j, c] = number(0.5625) * sum1 + number(2.25) * sum2
                for c in range(size):
                    difference1 = product[6 + j, t, part, c] - product[12 + j, t, part, c]
                    difference2 = product[18 + j, t, part, c] - product[24 + j, t, part, c]
                    half[6 + j, c] = number(0.75) * difference1 + number(1.5) * difference2
                    half[18 + j, c] = (
                        number(0.421875) * difference1 + number(3.375) * difference2 + product[30 + j, t, part, c]
                    )
            for i in range(4):
                for c in range(size):
                    sum1, sum2 = half[6 * i + 1, c] + half[6 * i + 2, c], half[6 * i + 3, c] + half[6 * i + 4, c]
                    difference1 = half[6 * i + 1, c] - half[6 * i + 2, c]
                    difference2 = half[6 * i + 3, c] - half[6 * i + 4, c]
                    tile[4 * i, c] = half[6 * i, c] + sum1 + sum2
                    tile[4 * i + 1, c] = number(0.75) * difference1 + number(1.5) * difference2
                    tile[4 * i + 2, c] = number(0.5625) * sum1 + number(2.25) * sum2
                    tile[4 * i + 3, c] = (
                        number(0.421875) * difference1 + number(3.375) * difference2 + half[6 * i + 5, c]
                    )
                for j in range(4):
                    if u + i < rows and v + j < columns:
                        if biased:
                            for c in range(size):
                                out[n, u + i, v + j, part, c] = tile[4 * i + j, c] + bias[part, c]
                        else:
                            for c in range(size):
                                out[n, u + i, v + j, part, c] = tile[4 * i + j, c]


def winograd_gradient_loop(g, out, first, count, height, width):
    """A g A^T of tiles of 4 × 4 elements."""
    _, rows, columns, parts, size = g.shape
    tile, half = np.empty((16, 64), g.dtype), np.empty((24, 64), g.dtype)
    for t in range(count):
        n, rest = divmod(first + t, height * width)
        u, v = 4 * (rest // width), 4 * (rest % width)
        for part in range(parts):
            for i in range(4):
                for j in range(4):
                    if u + i < rows and v + j < columns:
                        for c in range(size):
                            tile[4 * i + j, c] = g[n, u + i, v + j, part, c]
                    else:
                        for c in range(size):
                            tile[4 * i + j, c] = number(0.0)
            for j in range(4):
                for c in range(size):
                    g0, g1, g2, g3 = tile[j, c], tile[4 + j, c], tile[8 + j, c], tile[12 + j, c]
                    half[j, c] = g0
                    even, odd = g0 + number(0.5625) * g2, number(0.75) * g1 + number(0.421875) * g3
                    half[4 + j, c] = even + odd
                    half[8 + j, c] = even - odd
                    even, odd = g0 + number(2.25) * g2, number(1.5) * g1 + number(3.375) * g3
                    half[12 + j, c] = even + odd
                    half[16 + j, c] = even - odd
                    half[20 + j, c] = g3
            for i in range(6):
                for c in range(size):
                    out[6 * i, t, part, c] = half[4 * i, c]
                    out[6 * i + 5, t, part, c] = half[4 * i + 3, c]
                for c in range(size):
                    even = half[4 * i, c] + number(0.5625) * half[4 * i + 2, c]
                    odd = number(0.75) * half[4 * i + 1, c] + number(0.421875) * half[4 * i + 3, c]
                    out[6 * i + 1, t, part, c] = even + odd
                    out[6 * i + 2, t, part, c] = even - odd
                for c in range(size):
                    even = half[4 * i, c] + number(2.25) * half[4 * i + 2, c]
                    odd = number(1.5) * half[4 * i + 1, c] + number(3.375) * half[4 * i + 3, c]
                    out[6 * i + 3, t, part, c] = even + odd
                    out[6 * i + 4, t, part, c] = even - odd


def winograd_back_loop(product, out, first, count, height, width, top, left):
    """The sum of B m B^T, tiles of 6 × 6 elements that overlap by two; the first tile is an image's first."""
    _, rows, columns, parts, size = out.shape
    half, tile = np.empty((36, 64), out.dtype), np.empty((6, 64), out.dtype)
    for t in range(count):
        n, rest = divmod(first + t, height * width)
        u, v = 4 * (rest // width) - top, 4 * (rest % width) - left
        if rest == 0:
            out[n] = number(0.0)
        for part in range(parts):
            for j in range(6):
                for c in range(size):
                    m0 = product[j, t, part, c]
                    sum1 = product[6 + j, t, part, c] + product[12 + j, t, part, c]
                    sum2 = product[18 + j, t, part, c] + product[24 + j, t, part, c]
                    half[j, c] = number(1.265625) * m0
                    half[12 + j, c] = number(-2.8125) * m0 - number(2.25) * sum1 - number(0.5625) * sum2
                    half[24 + j, c] = m0 + sum1 + sum2
                for c in range(size):
                    m5 = product[30 + j, t, part, c]
                    difference1 = product[6 + j, t, part, c] - product[12 + j, t, part, c]
                    difference2 = product[18 + j, t, part, c] - product[24 + j, t, part, c]
                    half[6 + j, c] = (
                        number(1.265625) * m5 - number(1.6875) * difference1 - number(0.84375) * difference2
                    )
                    half[18 + j, c] = number(0.75) * difference1 + number(1.5) * difference2 - number(2.8125) * m5
                    half[30 + j, c] = m5
            for i in range(6):
                if u + i < 0 or u + i >= rows:
                    continue
                for c in range(size):
                    m0, m5 = half[6 * i, c], half[6 * i + 5, c]
                    sum1, sum2 = half[6 * i + 1, c] + half[6 * i + 2, c], half[6 * i + 3, c] + half[6 * i + 4, c]
                    difference1 = half[6 * i + 1, c] - half[6 * i + 2, c]
                    difference2 = half[6 * i + 3, c] - half[6 * i + 4, c]
                    tile[0, c] = number(1.265625) * m0
                    tile[1, c] = number(1.265625) * m5 - number(1.6875) * difference1 - number(0.84375) * difference2
                    tile[2, c] = number(-2.8125) * m0 - number(2.25) * sum1 - number(0.5625) * sum2
                    tile[3, c] = number(0.75) * difference1 + number(1.5) * difference2 - number(2.8125) * m5
                    tile[4, c] = m0 + sum1 + sum2
                    tile[5, c] = m5
                for j in range(6):
                    if 0 <= v + j < columns:
                        for c in range(size):
                            out[n, u + i, v + j, part, c] += tile[j, c]
