"""Loops that copy the elements under windows into columns, and add columns up where their windows lie.

Images are (N, H, W, C), columns (windows, taps along H, taps along W, C). None of these functions is called as it stands.
"""

from __future__ import annotations

import numpy as np

__all__ = ["columns_loop", "spread_loop"]

number = np.float32


def columns_loop(x, out, first, count, height, width, s0, s1, p0, p1, d0, d1):
    """The elements under some windows of images that have height · width windows each; 0 outside."""
    _, rows, columns, channels = x.shape
    for t in range(count):
        n, place = divmod(first + t, height * width)
        i, j = place // width, place % width
        for a in range(out.shape[1]):
            u = i * s0 - p0 + a * d0
            for b in range(out.shape[2]):
                v = j * s1 - p1 + b * d1
                if 0 <= u < rows and 0 <= v < columns:
                    for c in range(channels):
                        out[t, a, b, c] = x[n, u, v, c]
                else:
                    for c in range(channels):
                        out[t, a, b, c] = number(0.0)


def spread_loop(x, out, first, count, height, width, s0, s1, p0, p1, d0, d1):
    """The sum of columns where their windows lie; the first window is an image's first."""
    _, rows, columns, channels = out.shape
    for t in range(count):
        n, place = divmod(first + t, height * width)
        i, j = place // width, place % width
        if place == 0:
            for u in range(rows):
                for v in range(columns):
                    for c in range(channels):
                        out[n, u, v, c] = number(0.0)
        for a in range(x.shape[1]):
            u = i * s0 - p0 + a * d0
            for b in range(x.shape[2]):
                v = j * s1 - p1 + b * d1
                if 0 <= u < rows and 0 <= v < columns:
                    for c in range(channels):
                        out[n, u, v, c] += x[t, a, b, c]
