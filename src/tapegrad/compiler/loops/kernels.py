"""Loops written by hand, for primitives that no chain of elementwise ones makes up. They compute what the kernels do.

Each is a function of plain loops, whose text is part of the programs that use it; ``number`` and ``exp`` stand for the
dtype that it is written for, images are (N, H, W, C). None of these functions is called as it stands here.
"""

from __future__ import annotations

import numpy as np

__all__ = ["at_last_nan", "cross_entropy_loop", "exp_float32", "max_pool_gradient_loop", "max_pool_loop"]

exp, number = np.exp, np.float32


def exp_float32(x):
    """e^x to within one unit in the last place: 2^n times a polynomial of the rest; NaN stays, overflow is inf."""
    y = min(max(x, np.float32(-104.0)), np.float32(89.0))
    n = np.floor(y * np.float32(1.44269504) + np.float32(0.5))
    r = (y - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1.0)
    k = np.int32(n)
    # Two factors: 2^n alone could not be a float32 at either end.
    half = np.int32(k >> np.int32(1))
    first = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    second = np.int32((k - half + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * first * second if x == x else x


def cross_entropy_loop(x, labels, losses, slope, ignored, mean, each):
    """Losses and slopes w (p - onehot); False where a label names no class, or rows are (nearly) not finite."""
    rows, classes = x.shape
    count = 0
    for i in range(rows):
        if labels[i] != ignored:
            if labels[i] < 0 or labels[i] >= classes:
                return False
            count += 1
    total_loss = number(0.0)
    divisor = number(count) if mean else number(1.0)
    share = number(1.0) / divisor if count else number(0.0)
    for i in range(rows):
        label = labels[i]
        if label == ignored:
            for j in range(classes):
                slope[i, j] = number(0.0)
            if each:
                losses[i] = number(0.0)
            continue
        top = x[i, 0]
        for j in range(1, classes):
            top = max(top, x[i, j])
        total = number(0.0)
        for j in range(classes):
            e = exp(x[i, j] - top)
            slope[i, j] = e
            total += e
        if not total < np.inf:
            return False
        loss = number(np.log(total)) - (x[i, label] - top)
        scale = share / total
        for j in range(classes):
            slope[i, j] *= scale
        slope[i, label] -= share
        if each:
            losses[i] = loss
        total_loss += loss
    if not each:
        losses[0] = total_loss / divisor
    return True


def max_pool_loop(x, y, k0, k1, s0, s1, p0, p1, d0, d1):
    """y_i = max_k x_{s i + d k - p}: the largest element of every window; NaN if there is one."""
    images, height, width, channels = x.shape
    for n in range(images):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for c in range(channels):
                    y[n, i, j, c] = number(-np.inf)
                for a in range(k0):
                    u = i * s0 - p0 + a * d0
                    if u < 0 or u >= height:
                        continue
                    for b in range(k1):
                        v = j * s1 - p1 + b * d1
                        if v < 0 or v >= width:
                            continue
                        for c in range(channels):
                            best, other = y[n, i, j, c], x[n, u, v, c]
                            y[n, i, j, c] = best if best >= other or best != best else other


def at_last_nan(g, x, out, n, i, j, c, k0, k1, s0, s1, p0, p1, d0, d1):
    """Hand a window's gradient to the last NaN in it."""
    for a in range(k0 - 1, -1, -1):
        u = i * s0 - p0 + a * d0
        for b in range(k1 - 1, -1, -1):
            v = j * s1 - p1 + b * d1
            if 0 <= u < x.shape[1] and 0 <= v < x.shape[2] and x[n, u, v, c] != x[n, u, v, c]:
                out[n, u, v, c] += g[n, i, j, c]
                return


def max_pool_gradient_loop(g, x, y, out, k0, k1, s0, s1, p0, p1, d0, d1):
    """x_j's gradient: the sum of those of the windows in which it is the largest, the first of equal ones."""
    images, height, width, channels = x.shape
    found = np.empty(channels, np.bool_)
    for n in range(images):
        for u in range(height):
            for v in range(width):
                for c in range(channels):
                    out[n, u, v, c] = number(0.0)
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                found[:] = False
                for a in range(k0):
                    u = i * s0 - p0 + a * d0
                    if u < 0 or u >= height:
                        continue
                    for b in range(k1):
                        v = j * s1 - p1 + b * d1
                        if v < 0 or v >= width:
                            continue
                        for c in range(channels):
                            hit = (x[n, u, v, c] == y[n, i, j, c]) & (not found[c])
                            found[c] |= hit
                            out[n, u, v, c] += g[n, i, j, c] if hit else number(0.0)
                # Nothing equals NaN: there the last one counts.
                for c in range(channels):
                    if y[n, i, j, c] != y[n, i, j, c]:
                        at_last_nan(g, x, out, n, i, j, c, k0, k1, s0, s1, p0, p1, d0, d1)
