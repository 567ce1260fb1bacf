"""Loops over samples with channels as rows (samples, channels): normalisation and its gradient, and sums by channel.

Sums are made of sums of short runs of samples: about as exact as NumPy's. None of these functions is called as it stands.
"""

from __future__ import annotations

import numpy as np

__all__ = ["standardize_gradient_loop", "standardize_loop", "sum_loop", "sum_products_loop"]

number = np.float32


def standardize_loop(x, out, mean, variance, eps):
    """Each channel brought to mean 0 and variance 1; its mean, its variance."""
    rows, channels = x.shape
    size = number(rows)
    run = np.empty(channels, x.dtype)
    mean[:] = number(0.0)
    variance[:] = number(0.0)
    for begin in range(0, rows, 64):
        run[:] = number(0.0)
        for i in range(begin, min(begin + 64, rows)):
            for c in range(channels):
                run[c] += x[i, c]
        for c in range(channels):
            mean[c] += run[c]
    for c in range(channels):
        mean[c] /= size
    for begin in range(0, rows, 64):
        run[:] = number(0.0)
        for i in range(begin, min(begin + 64, rows)):
            for c in range(channels):
                deviation = x[i, c] - mean[c]
                run[c] += deviation * deviation
        for c in range(channels):
            variance[c] += run[c]
    for c in range(channels):
        variance[c] /= size
        run[c] = number(1.0) / np.sqrt(variance[c] + number(eps))
    for i in range(rows):
        for c in range(channels):
            out[i, c] = (x[i, c] - mean[c]) * run[c]


def standardize_gradient_loop(g, standard, scale, out):
    """s (g - mean(g) - x mean(g x)), for each channel."""
    rows, channels = g.shape
    size = number(rows)
    mean, along = np.zeros(channels, g.dtype), np.zeros(channels, g.dtype)
    first, second = np.empty(channels, g.dtype), np.empty(channels, g.dtype)
    for begin in range(0, rows, 64):
        first[:] = number(0.0)
        second[:] = number(0.0)
        for i in range(begin, min(begin + 64, rows)):
            for c in range(channels):
                first[c] += g[i, c]
                second[c] += g[i, c] * standard[i, c]
        for c in range(channels):
            mean[c] += first[c]
            along[c] += second[c]
    for c in range(channels):
        mean[c] /= size
        along[c] /= size
    for i in range(rows):
        for c in range(channels):
            out[i, c] = (g[i, c] - (standard[i, c] * along[c] + mean[c])) * scale[c]


def sum_products_loop(x, y, out):
    """The sum of x y over samples, for each channel."""
    rows, channels = x.shape
    run = np.empty(channels, x.dtype)
    out[:] = number(0.0)
    for begin in range(0, rows, 64):
        run[:] = number(0.0)
        for i in range(begin, min(begin + 64, rows)):
            for c in range(channels):
                run[c] += x[i, c] * y[i, c]
        for c in range(channels):
            out[c] += run[c]


def sum_loop(x, out):
    """The sum over samples, for each channel."""
    rows, channels = x.shape
    run = np.empty(channels, x.dtype)
    out[:] = number(0.0)
    for begin in range(0, rows, 64):
        run[:] = number(0.0)
        for i in range(begin, min(begin + 64, rows)):
            for c in range(channels):
                run[c] += x[i, c]
        for c in range(channels):
            out[c] += run[c]
