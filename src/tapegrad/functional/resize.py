"""Changing the size of signals, images and volumes. Every mode but the nearest is a matrix along each dimension."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import OptionError, ShapeError, UnsupportedDTypeError, warn

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

# How many dimensions a mode's input has, the batch and the channels among them.
_DIMS = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "trilinear": (5,),
    "bicubic": (4,),
}
_ALIGNING = ("linear", "bilinear", "trilinear", "bicubic")


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return the input (N, C, L), (N, C, H, W) or (N, C, D, H, W) with other sizes of its last dimensions.

    ``size``: these sizes, or one for all; or ``scale_factor``: what they are multiplied by, rounded down. ``mode``:
    "nearest", "nearest-exact", "area", "linear" (3-d), "bilinear" and "bicubic" (4-d), "trilinear" (5-d).
    ``align_corners``: the outermost samples, not the edges of their cells, keep their place. ``antialias``: smooth first
    when shrinking, for "bilinear" and "bicubic". ``recompute_scale_factor``: use the factor of the rounded sizes.
    Raises ArgumentError for arguments that do not go together, ShapeError for an input of other dimensions.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[[1.0, 3.0]]])
    >>> tg.nn.functional.interpolate(x, scale_factor=2), tg.nn.functional.interpolate(x, size=3, mode="linear")
    (tensor([[[1., 1., 3., 3.]]]), tensor([[[1., 2., 3.]]]))
    """
    _check(input, mode, align_corners, antialias)
    old = tuple(input.array.shape[2:])
    new, factors = _sizes(old, size, scale_factor, recompute_scale_factor)
    pixels = input.dtype == np.uint8 and mode in ("bilinear", "bicubic")
    if not pixels and not mode.startswith("nearest") and input.dtype.kind != "f":
        raise UnsupportedDTypeError(
            "interpolate", f"the input has dtype {input.dtype}", "make it floating-point, e.g. with .float()"
        )
    out = input
    # From the last dimension to the first, which counts where pixels are rounded in between.
    for place, (n, m, factor) in reversed([*enumerate(zip(old, new, factors, strict=True))]):
        scale = 1 / factor if factor else n / m
        if mode.startswith("nearest"):
            out = _nearest(out, place + 2, n, m, scale, mode)
        elif n != m or (mode == "bicubic" and scale != 1):
            weights = _weights(mode, n, m, scale, bool(align_corners), antialias)
            out = _weigh_pixels(out, place + 2, weights) if pixels else _weigh(out, place + 2, weights)
    return ops.clone(out) if out is input else out


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """Return :func:`interpolate` of the arguments: a deprecated name, with a warning."""
    warn("upsample", "the name is deprecated", "use interpolate")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Return :func:`interpolate` of the arguments, mode "nearest": a deprecated name, with a warning."""
    warn("upsample_nearest", "the name is deprecated", "use interpolate")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Return :func:`interpolate` of the arguments, mode "bilinear" with aligned corners: a deprecated name, with a warning."""
    warn("upsample_bilinear", "the name is deprecated", "use interpolate")
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


def _check(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _DIMS:
        raise OptionError("interpolate", f"mode is '{mode}'", f"use one of {', '.join(_DIMS)}")
    if input.ndim not in _DIMS[mode]:
        wanted = " or ".join(map(str, _DIMS[mode]))
        raise ShapeError(
            "interpolate", f"mode '{mode}' wants {wanted} dimensions, got {input.ndim}", "use another mode"
        )
    if align_corners is not None and mode not in _ALIGNING:
        raise OptionError("interpolate", f"align_corners with mode '{mode}'", f"use it with {', '.join(_ALIGNING)}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise OptionError("interpolate", f"antialias with mode '{mode}'", "use it with bilinear or bicubic")


def _sizes(old: tuple, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[list[int], list]:
    """Return the new sizes, and the factors that positions are divided by (None: the ratio of the sizes)."""
    if (size is None) == (scale_factor is None):
        raise OptionError("interpolate", "give exactly one of size and scale_factor", "leave one of them out")
    given = scale_factor if size is None else size
    values = list(given) if isinstance(given, (tuple, list)) else [given] * len(old)
    if len(values) != len(old):
        name = "scale_factor" if size is None else "size"
        raise OptionError(
            "interpolate",
            f"{name} {tuple(values)} for an input with {len(old)} sizes {old}",
            "give as many, or one number",
        )
    if size is not None:
        if recompute:
            raise OptionError("interpolate", "recompute_scale_factor with a size", "leave it out")
        new, factors = [int(v) for v in values], [None] * len(old)
    else:
        new = [math.floor(n * float(v)) for n, v in zip(old, values, strict=True)]
        factors = [None] * len(old) if recompute else [float(v) for v in values]
    if min(*old, *new) < 1:
        raise OptionError("interpolate", f"the sizes go from {old} to {tuple(new)}", "all must be at least 1")
    return new, factors


# -- nearest ----------------------------------------------------------------------------------------------------------


def _nearest(input: Tensor, dim: int, n: int, m: int, scale: float, mode: str) -> Tensor:
    """Return the input with a dimension's nearest elements in each new place."""
    shape = tuple(input.array.shape)
    # As in PyTorch, "nearest" takes the ratios 1 and 2 as exact even where a factor gave them by rounding down.
    whole = m % n == 0 and (scale == n / m or (mode == "nearest" and m <= 2 * n))
    if whole and n == m:
        return input
    if whole:
        repeated = ops.expand(input.unsqueeze(dim + 1), shape=(*shape[: dim + 1], m // n, *shape[dim + 1 :]))
        return ops.reshape(repeated, shape=(*shape[:dim], m, *shape[dim + 1 :]))
    shift = 0.5 if mode == "nearest-exact" else 0.0
    places = np.floor((np.arange(m, dtype=np.float32) + np.float32(shift)) * np.float32(scale))
    return ops.index(input, np.minimum(places.astype(np.int64), n - 1), dims=(dim,))


# -- weights ----------------------------------------------------------------------------------------------------------


def _weigh(input: Tensor, dim: int, weights: np.ndarray) -> Tensor:
    """Return the input with a matrix (new, old) applied along a dimension."""
    matrix = wrap(weights.astype(input.dtype))
    return ops.linear(input.movedim(dim, -1), matrix, None).movedim(-1, dim)


def _weigh_pixels(input: Tensor, dim: int, weights: np.ndarray) -> Tensor:
    """Return uint8 for uint8, as PyTorch: the weights are rounded to 16 bits, and the sums to whole numbers."""
    bits = next(b for b in range(22) if int(0.5 + weights.max() * 2 ** (b + 1)) >= 2**15)
    rounded = np.trunc(weights * 2**bits + np.copysign(0.5, weights)) / 2**bits
    sums = _weigh(input.to(np.dtype(np.float64)), dim, rounded)
    return ops.clamp(ops.floor(sums + 0.5), 0, 255).to(input.dtype)


@functools.lru_cache(maxsize=64)
def _weights(mode: str, n: int, m: int, scale: float, align: bool, antialias: bool) -> np.ndarray:
    """Return how much each of n old elements counts in each of m new ones, as a matrix (m, n)."""
    if mode == "area":
        return _area(n, m)
    if align:
        scale = (n - 1) / (m - 1) if m > 1 else 0.0
    if antialias:
        return _smooth(n, m, scale, _triangle if mode == "bilinear" else functools.partial(_cubic, a=-0.5))
    centres = np.arange(m) * scale if align else (np.arange(m) + 0.5) * scale - 0.5
    if mode == "bicubic":
        return _sampled(n, centres, functools.partial(_cubic, a=-0.75), (-1, 0, 1, 2))
    return _sampled(n, np.maximum(centres, 0), _triangle, (0, 1))


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Return R. Keys' cubic convolution kernel (1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _sampled(n: int, centres: np.ndarray, kernel: Any, offsets: tuple[int, ...]) -> np.ndarray:
    """Return the weights of the neighbours of each centre; beyond the edge the outermost element repeats."""
    weights, rows = np.zeros((len(centres), n)), np.arange(len(centres))
    base = np.floor(centres).astype(np.int64)
    for offset in offsets:
        weights[rows, np.clip(base + offset, 0, n - 1)] += kernel(centres - base - offset)
    return weights


def _smooth(n: int, m: int, scale: float, kernel: Any) -> np.ndarray:
    """Return the weights of a kernel as wide as the new cells, where these are wider than the old ones."""
    centres, places = (np.arange(m) + 0.5) * scale, np.arange(n) + 0.5
    weights = kernel((places - centres[:, None]) / max(scale, 1.0))
    return weights / weights.sum(axis=1, keepdims=True)


def _area(n: int, m: int) -> np.ndarray:
    """Return the weights of the mean over the old elements that each new cell touches."""
    first, last = np.arange(m) * n // m, -(-(np.arange(m) + 1) * n // m)
    inside = (np.arange(n) >= first[:, None]) & (np.arange(n) < last[:, None])
    return inside / (last - first)[:, None]
