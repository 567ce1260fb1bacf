"""Regions of feature maps brought to one size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...nn import Module
from ...ops.choose import where
from .boxes import with_numbers

__all__ = ["RoIAlign", "RoIPool", "roi_align", "roi_pool"]


def _size(output_size: Any) -> tuple[int, int]:
    return (output_size, output_size) if isinstance(output_size, int) else (int(output_size[0]), int(output_size[1]))


def roi_align(
    input: Tensor,
    boxes: Tensor | list[Tensor],
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Return regions (K, C, height, width) of feature maps (N, C, H, W): means of values between pixels, read bilinearly.

    ``boxes``: (K, 5) with the number of the map in front, or a list with (K, 4) for each map. ``spatial_scale``: from the
    boxes' pixels to the maps'. ``sampling_ratio``: readings along each side of an output pixel, by default as many as it has
    pixels under it. ``aligned``: places are counted from the centres of pixels, half a pixel less.
    Each region is R · map · Cᵀ, where row i of R (C) holds the weights of the map's rows (columns) in the region's i-th.
    Source: K. He et al., "Mask R-CNN" (2017), arXiv:1703.06870;
    https://pytorch.org/vision/stable/generated/torchvision.ops.roi_align.html

    >>> import tapegrad as tg
    >>> ramp = tg.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(ramp, tg.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]]), 1, aligned=True)
    tensor([[[[2.5000]]]])
    """
    regions = with_numbers("roi_align", boxes).detach().array
    places = regions[:, 1:] * np.asarray(spatial_scale, regions.dtype) - (0.5 if aligned else 0.0)
    weights = []
    for axis, count in zip((1, 0), _size(output_size), strict=True):
        start, extent = places[:, axis], places[:, axis + 2] - places[:, axis]
        if not aligned:
            extent = np.maximum(extent, 1.0)
        matrix = _means(start, extent, count, sampling_ratio, input.shape[3 - axis])
        weights.append(wrap(matrix.astype(input.dtype, copy=False))[:, None])
    chosen = input[wrap(regions[:, 0].astype(np.int64))]
    return weights[0] @ chosen @ weights[1].mT


def _means(start: np.ndarray, extent: np.ndarray, count: int, ratio: int, length: int) -> np.ndarray:
    """Return the weights (K, count, length) of pixels in the means over ``count`` equal parts of K intervals."""
    step = extent / count
    readings = np.full(len(start), ratio) if ratio > 0 else np.ceil(step).astype(np.int64)
    most = max(int(readings.max(initial=1)), 1)
    i, safe = np.arange(most), np.maximum(readings, 1)
    within = (i + 0.5) / safe[:, None]
    places = start[:, None, None] + (np.arange(count)[:, None] + within[:, None, :]) * step[:, None, None]
    valid = (places >= -1) & (places <= length) & (i < readings[:, None])[:, None, :]
    places = np.clip(places, 0, length - 1)
    low = np.floor(places).astype(np.int64)
    high = np.minimum(low + 1, length - 1)
    share = places - low
    matrix = np.zeros((len(start), count, length), places.dtype)
    rows, parts = np.arange(len(start))[:, None, None], np.arange(count)[:, None]
    scale = valid / safe[:, None, None]
    np.add.at(matrix, (rows, parts, low), (1 - share) * scale)
    np.add.at(matrix, (rows, parts, high), share * scale)
    return matrix


def roi_pool(input: Tensor, boxes: Tensor | list[Tensor], output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """Return regions (K, C, height, width) of feature maps (N, C, H, W): the largest value of each part, 0 of an empty one.

    Boxes as in :func:`roi_align`; their corners are rounded to whole pixels.
    Source: R. Girshick, "Fast R-CNN" (2015), arXiv:1504.08083;
    https://pytorch.org/vision/stable/generated/torchvision.ops.roi_pool.html

    >>> import tapegrad as tg
    >>> ramp = tg.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_pool(ramp, tg.tensor([[0.0, 0.0, 0.0, 3.0, 3.0]]), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    regions = with_numbers("roi_pool", boxes).detach().array
    scaled = regions[:, 1:] * np.asarray(spatial_scale, regions.dtype)
    corners = (np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)).astype(np.int64)
    down, across = (
        _parts(corners[:, axis], corners[:, axis + 2], count, input.shape[3 - axis])
        for axis, count in zip((1, 0), _size(output_size), strict=True)
    )
    lowest = wrap(np.asarray(-np.inf, input.dtype))
    chosen = input[wrap(regions[:, 0].astype(np.int64))]
    rows = where(wrap(down[:, None, :, :, None]), chosen[:, :, None], lowest).max(dim=3).values
    out = where(wrap(across[:, None, None]), rows[:, :, :, None], lowest).max(dim=4).values
    filled = np.any(down, axis=2)[:, None, :, None] & np.any(across, axis=2)[:, None, None, :]
    return where(wrap(filled), out, wrap(np.zeros((), input.dtype)))


def _parts(first: np.ndarray, last: np.ndarray, count: int, length: int) -> np.ndarray:
    """Return which of ``length`` pixels (K, count, length) belong to each of ``count`` parts of K intervals."""
    extent = np.maximum(last - first + 1, 1)[:, None]
    i = np.arange(count)
    begin = np.clip(first[:, None] + i * extent // count, 0, length)
    end = np.clip(first[:, None] - (-(i + 1) * extent // count), 0, length)
    pixels = np.arange(length)
    return (pixels >= begin[..., None]) & (pixels < end[..., None])


class RoIAlign(Module):
    """:func:`roi_align` of ``(input, rois)``, as a layer."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False):
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Tensor, rois: Tensor | list[Tensor]) -> Tensor:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        names = ("output_size", "spatial_scale", "sampling_ratio", "aligned")
        return f"{type(self).__name__}(" + ", ".join(f"{n}={getattr(self, n)}" for n in names) + ")"


class RoIPool(Module):
    """:func:`roi_pool` of ``(input, rois)``, as a layer."""

    def __init__(self, output_size: Any, spatial_scale: float):
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Tensor, rois: Tensor | list[Tensor]) -> Tensor:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
