"""Resizing and moving images that are arrays of shape (..., height, width)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import UsageError
from .base import InterpolationMode

__all__ = ["expanded", "inverse_affine", "projected", "read_at", "resized", "sampled"]

_TENSOR_MODES = "nearest, nearest-exact, bilinear or bicubic"


def as_float(array: np.ndarray) -> np.ndarray:
    """Return the array with elements that can be averaged."""
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def back_to(dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    """Return values in an image's dtype, integers rounded and kept within their range."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    if dtype.kind == "b":
        return values >= 0.5
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(dtype)


# -- resizing: one matrix for the rows, one for the columns ---------------------------------------------------------


def resized(array: np.ndarray, size: tuple[int, int], mode: InterpolationMode, antialias: bool) -> np.ndarray:
    """Return images of another size.

    out = R · image · Cᵀ, where row i of R (C) holds the weights of the input's rows (columns) in the output's i-th.
    With ``antialias`` the filter is widened by the scale when shrinking, as PIL does.
    """
    height, width = array.shape[-2:]
    if (height, width) == size:
        return array.copy()
    if mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        rows, columns = (_nearest(n, m, mode) for n, m in zip(array.shape[-2:], size, strict=True))
        return array[..., rows[:, None], columns]
    if mode not in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        raise UsageError(
            "resize", f"tensors cannot be resized with {mode.value}", f"use {_TENSOR_MODES}, or a PIL image"
        )
    values = as_float(array)
    rows = _weights(height, size[0], mode, antialias).astype(values.dtype)
    columns = _weights(width, size[1], mode, antialias).astype(values.dtype)
    return back_to(array.dtype, rows @ values @ columns.T)


def _nearest(size: int, wanted: int, mode: InterpolationMode) -> np.ndarray:
    """Return which input pixel each output pixel shows: floor(i·s), or floor((i + ½)·s), with s = size/wanted."""
    i = np.arange(wanted)
    return i * size // wanted if mode is InterpolationMode.NEAREST else (2 * i + 1) * size // (2 * wanted)


@functools.lru_cache(maxsize=64)
def _weights(size: int, wanted: int, mode: InterpolationMode, antialias: bool) -> np.ndarray:
    """Return the (wanted, size) matrix of weights; each row adds up to 1."""
    scale = size / wanted
    cubic = mode is InterpolationMode.BICUBIC
    if not antialias:
        return _weights_between(size, wanted, cubic)
    stretch = max(scale, 1.0)
    radius = (2.0 if cubic else 1.0) * stretch
    centres = (np.arange(wanted)[:, None] + 0.5) * scale
    pixels = np.arange(size)
    first = np.floor(centres - radius + 0.5)
    last = np.floor(centres + radius + 0.5)
    distance = np.abs(pixels + 0.5 - centres) / stretch
    kernel = _cubic(distance, -0.5) if cubic else np.clip(1 - distance, 0, None)
    kernel = np.where((pixels >= first) & (pixels < last), kernel, 0.0)
    return kernel / kernel.sum(axis=1, keepdims=True)


def _weights_between(size: int, wanted: int, cubic: bool) -> np.ndarray:
    """Return the weights of the two (or four) nearest pixels alone; beyond the edge the edge's pixel goes on."""
    places = (np.arange(wanted) + 0.5) * (size / wanted) - 0.5
    if not cubic:
        places = np.maximum(places, 0)
    floors = np.floor(places)
    matrix = np.zeros((wanted, size))
    for offset in (-1, 0, 1, 2) if cubic else (0, 1):
        distance = np.abs(places - floors - offset)
        kernel = _cubic(distance, -0.75) if cubic else 1 - distance
        pixels = np.clip(floors + offset, 0, size - 1).astype(np.intp)
        np.add.at(matrix, (np.arange(wanted), pixels), kernel)
    return matrix


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Return Keys' cubic convolution kernel (1981) at distances x; a = -½ or, in computer vision, -¾."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


# -- moving ---------------------------------------------------------------------------------------------------------


def inverse_affine(
    angle: float,
    translate: Sequence[float] = (0, 0),
    scale: float = 1.0,
    shear: Sequence[float] = (0, 0),
    centre: Sequence[float] = (0, 0),
) -> np.ndarray:
    """Return the (2, 3) matrix that says where in the input a point (x, y, 1) of the output comes from.

    Forward, a point moves to translate + centre + scale · R · Y · X · (point - centre) with the rotation R by ``angle``
    (degrees, clockwise on the screen, where y points down) and the shears Y = [[1, 0], [-tan sy, 1]] and
    X = [[1, -tan sx], [0, 1]].
    """
    rotation, (shear_x, shear_y) = math.radians(angle), (math.radians(s) for s in shear)
    cos, sin = math.cos(rotation), math.sin(rotation)
    forward = np.array([[cos, -sin], [sin, cos]])
    forward = forward @ [[1, 0], [-math.tan(shear_y), 1]] @ [[1, -math.tan(shear_x)], [0, 1]] * scale
    inverse = np.linalg.inv(forward)
    middle = np.asarray(centre, dtype=float)
    return np.column_stack([inverse, middle - inverse @ (middle + np.asarray(translate, dtype=float))])


def expanded(height: int, width: int, inverse: np.ndarray) -> tuple[tuple[int, int], np.ndarray]:
    """Return the (height, width) that holds all of a rotated image, and the matrix for the middle of that output."""
    corners = inverse @ [[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]]
    # To four digits: rounding errors of a right angle must not add a row.
    low, high = corners.min(axis=1).round(4), corners.max(axis=1).round(4)
    wide, tall = (np.ceil(high) - np.floor(low)).astype(int).tolist()
    shift = inverse[:, :2] @ [0.5 * (width - wide), 0.5 * (height - tall)]
    return (tall, wide), np.column_stack([inverse[:, :2], inverse[:, 2] + shift])


def sampled(
    array: np.ndarray, inverse: np.ndarray, size: tuple[int, int], mode: InterpolationMode, fill: Any
) -> np.ndarray:
    """Return images of which each pixel is read where ``inverse`` says; what lies outside is filled."""
    x, y = inverse @ _centres(*size) - 0.5
    return read_at(array, x, y, size, mode, fill)


def projected(array: np.ndarray, coefficients: Sequence[float], mode: InterpolationMode, fill: Any) -> np.ndarray:
    """Return images of which the pixel at (x, y) is read at (ax + by + c, dx + ey + f) / (gx + hy + 1)."""
    size = (array.shape[-2], array.shape[-1])
    a, b, c, d, e, f, g, h = coefficients
    x, y, one = np.array([[a, b, c], [d, e, f], [g, h, 1.0]]) @ _centres(*size)
    return read_at(array, x / one - 0.5, y / one - 0.5, size, mode, fill)


def read_at(
    array: np.ndarray, x: np.ndarray, y: np.ndarray, size: tuple[int, int], mode: InterpolationMode, fill: Any
) -> np.ndarray:
    """Return images of a size whose pixels are read at places (x, y), in row order, counted from the first one's centre."""
    values = as_float(array)
    if mode is InterpolationMode.NEAREST:
        read = _read_nearest(_Bordered(values, fill), x, y)
    elif mode is InterpolationMode.BILINEAR:
        read = _read_bilinear(_Bordered(values, None), x, y)
        if fill is not None:
            # As torchvision does at the edge, where the share of the image counts twice.
            share = _read_bilinear(
                _Bordered(np.ones_like(values[..., :1, :, :] if values.ndim > 2 else values), None), x, y
            )
            read = read * share + (1 - share) * np.asarray(fill, values.dtype).reshape(-1, 1)
    else:
        raise UsageError(
            "affine", f"tensors cannot be moved with {mode.value}", "use nearest or bilinear, or a PIL image"
        )
    return back_to(array.dtype, read.reshape(*array.shape[:-2], *size))


@functools.lru_cache(maxsize=16)
def _centres(height: int, width: int) -> np.ndarray:
    """Return the centres (x, y, 1) of an image's pixels, row by row, as a (3, height · width) matrix."""
    y, x = np.mgrid[:height, :width] + 0.5
    centres = np.stack([x.ravel(), y.ravel(), np.ones(height * width)])
    centres.flags.writeable = False
    return centres


class _Bordered:
    """Images within a border of ``fill``, so wide that all that is read beyond them is found in it."""

    _WIDTH = 2

    def __init__(self, values: np.ndarray, fill: Any):
        *leading, self.height, self.width = values.shape
        self.stride = self.width + 2 * self._WIDTH
        pixels = np.empty((*leading, self.height + 2 * self._WIDTH, self.stride), values.dtype)
        pixels[...] = np.reshape(np.asarray(0 if fill is None else fill), (-1, 1, 1))
        pixels[..., self._WIDTH : -self._WIDTH, self._WIDTH : -self._WIDTH] = values
        self.pixels = pixels.reshape(*leading, -1)

    def index(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return where the pixels at whole-numbered places are; places further out are moved to the border's edge.

        The neighbours on the right, below, and both, are 1, ``stride`` and ``stride + 1`` further on.
        """
        columns, rows = (np.clip(v, -self._WIDTH, n) for v, n in ((x, self.width), (y, self.height)))
        return ((rows + self._WIDTH) * self.stride + (columns + self._WIDTH)).astype(np.intp)

    def read(self, index: np.ndarray) -> np.ndarray:
        """Return the pixels at an index."""
        return self.pixels.take(index, axis=-1)


def _read_nearest(image: _Bordered, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Places half-way between two pixels, as right angles make them, must all go the same way despite rounding errors.
    return image.read(image.index(np.floor(np.round(x, 6) + 0.5), np.floor(np.round(y, 6) + 0.5)))


def _read_bilinear(image: _Bordered, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    left, top = np.floor(x), np.floor(y)
    right_share, bottom_share = (share.astype(image.pixels.dtype) for share in (x - left, y - top))
    index = image.index(left, top)
    upper, lower = (
        image.read(start) * (1 - right_share) + image.read(start + 1) * right_share
        for start in (index, index + image.stride)
    )
    return upper * (1 - bottom_share) + lower * bottom_share
