"""The weights of the first layer as images: what each unit looks for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from ...errors import ShapeError
from . import canvas

__all__ = ["draw_first_layer"]


@canvas.picture
def draw_first_layer(
    weights: np.ndarray,
    path: str | os.PathLike,
    *,
    shape: Sequence[int] | None = (28, 28),
    limit: int = 64,
    lang: str = "en",
) -> str:
    """Draw the first layer's weights, an image for each unit or kernel, and return the path.

    Weights are (units, height · width) with the ``shape`` of the input images, or those of a convolution
    (out, in, height, width). Red raises the unit's output, blue lowers it, white is zero; one scale for all, cut at
    the 99.5th percentile. Kernels over several channels get a row for each output channel. Of more than ``limit``
    images those with the largest weights are shown, in their order.
    Raises ShapeError for weights that do not have the shape.
    """
    say = canvas.speaker(lang)
    images, columns = _tiles(np.asarray(weights, dtype=np.float64), shape)
    total = len(images)
    if total > limit:
        norms = np.nan_to_num(np.sqrt((images**2).sum(axis=(1, 2))))
        images = images[np.sort(np.argsort(-norms, kind="stable")[:limit])]
        columns = None
    columns = columns or min(len(images), max(math.ceil(math.sqrt(len(images) * 1.6)), 1))
    sheet = _mosaic(images, columns)
    known = abs(images[np.isfinite(images)])
    reach = float(np.percentile(known, 99.5)) if known.size else 0.0
    width = min(canvas.WIDTH, 1.0 + 0.6 * columns)
    figure = canvas.figure(width, (width - 0.9) * sheet.shape[0] / sheet.shape[1] + 0.35)
    axes = figure.add_subplot()
    image = axes.imshow(sheet, cmap=canvas.SPREAD, vmin=-(reach or 1.0), vmax=reach or 1.0)
    axes.set_axis_off()
    if len(images) < total:
        axes.set_title(say("largest weights").format(shown=len(images), total=f"{total:,}"))
    canvas.color_bar(axes, image, say("weight"), extend="both")
    return canvas.save(figure, path)


def _tiles(weights: np.ndarray, shape: Sequence[int] | None) -> tuple[np.ndarray, int | None]:
    """Return the weights as images (n, height, width), and how many belong in a row if that is given."""
    if weights.ndim == 4:
        outputs, inputs, height, width = weights.shape
        columns = inputs if 1 < inputs <= 16 else None
        return weights.reshape(outputs * inputs, height, width), columns
    if weights.ndim != 2 or shape is None or len(shape) != 2 or weights.shape[1] != math.prod(shape):
        raise ShapeError(
            "draw_first_layer",
            f"weights have shape {weights.shape}, the images {None if shape is None else tuple(shape)}",
            "give (units, height · width) with shape=(height, width), or (out, in, height, width)",
        )
    return weights.reshape(len(weights), *shape), None


def _mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Return one image with all of them in rows, a line of NaN (drawn as nothing) between."""
    # A small kernel's pixels are enlarged, so that the line between two kernels stays thin beside them.
    enlarged = max(round(20 / images.shape[1]), 1)
    images = images.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    count, height, width = images.shape
    rows = max(-(-count // columns), 1)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return sheet
