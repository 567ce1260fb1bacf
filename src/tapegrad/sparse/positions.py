"""Arithmetic with coordinates: arrays of shape (dimensions, entries), none of it with gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["flat_keys", "groups", "join", "unflatten"]


def flat_keys(positions: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return the coordinates as one number each, row-major: sorted numbers are sorted coordinates."""
    keys = np.zeros(positions.shape[1], np.int64)
    for row, length in zip(positions, size, strict=True):
        keys = keys * length + row
    return keys


def unflatten(keys: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return the coordinates of numbers that :func:`flat_keys` made."""
    rows = []
    for length in reversed(size):
        keys, row = np.divmod(keys, max(length, 1))
        rows.append(row)
    return np.array(rows[::-1], np.int64).reshape(len(size), len(keys))


def groups(positions: np.ndarray, size: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the different coordinates, sorted, and to which of them each entry belongs."""
    if math.prod(size) < 2**62:
        keys, inverse = np.unique(flat_keys(positions, size), return_inverse=True)
        return unflatten(keys, size), inverse.reshape(-1)
    distinct, inverse = np.unique(positions, axis=1, return_inverse=True)
    return distinct, inverse.reshape(-1)


def join(wanted: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs (i, j) with ``wanted[i] == present[j]``, in the order of i; ``present`` is sorted."""
    first = np.searchsorted(present, wanted, "left")
    count = np.searchsorted(present, wanted, "right") - first
    left = np.repeat(np.arange(len(wanted)), count)
    before = np.cumsum(count) - count
    right = np.arange(len(left)) - before[left] + first[left]
    return left, right
