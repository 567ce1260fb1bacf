"""Images for the eye: many in a grid, in a file, with boxes and masks drawn on them."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from ..core import Tensor, wrap
from ..errors import ArgumentError, DTypeError, ShapeError, UsageError
from .transforms.base import pillow

__all__ = ["draw_bounding_boxes", "draw_segmentation_masks", "make_grid", "save_image"]


def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Return images (N, C, H, W), or a list of them, side by side in one (C, height, width); grey ones become three channels.

    ``nrow``: images in a row. ``padding``: pixels of ``pad_value`` around each. ``normalize``: (x - low) / (high - low) with
    the ``value_range`` (low, high), by default the smallest and largest value; ``scale_each``: of each image for itself.
    Raises UsageError for anything but tensors.
    Source: https://pytorch.org/vision/stable/generated/torchvision.utils.make_grid.html

    >>> import tapegrad as tg
    >>> make_grid(tg.ones(3, 1, 1, 1), nrow=2, padding=1)[0]
    tensor([[0., 0., 0., 0., 0.],
            [0., 1., 0., 1., 0.],
            [0., 0., 0., 0., 0.],
            [0., 1., 0., 0., 0.],
            [0., 0., 0., 0., 0.]])
    """
    images = _stacked(tensor)
    if normalize:
        images = _normalised(images, value_range, scale_each)
    count, channels, height, width = images.shape
    if count == 1:
        return wrap(images[0].copy())
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    tall, wide = height + padding, width + padding
    # Each cell has its border above and on the left; what remains below and on the right is the grid's own.
    cells = np.full((rows * columns, channels, tall, wide), pad_value, images.dtype)
    cells[:count, :, padding:, padding:] = images
    together = cells.reshape(rows, columns, channels, tall, wide).transpose(2, 0, 3, 1, 4)
    grid = np.full((channels, rows * tall + padding, columns * wide + padding), pad_value, images.dtype)
    grid[:, : rows * tall, : columns * wide] = together.reshape(channels, rows * tall, columns * wide)
    return wrap(grid)


def _stacked(tensor: Tensor | Sequence[Tensor]) -> np.ndarray:
    """Return images as an array (N, C, H, W) of at least three channels."""
    if isinstance(tensor, Tensor):
        images = tensor.detach().array
    elif isinstance(tensor, (list, tuple)) and all(isinstance(t, Tensor) for t in tensor):
        if len({tuple(t.shape) for t in tensor}) != 1:
            raise ShapeError(
                "make_grid", f"the images have shapes {[tuple(t.shape) for t in tensor]}", "give images of one shape"
            )
        images = np.stack([t.detach().array for t in tensor])
    else:
        raise UsageError("make_grid", f"tensor is a {type(tensor).__name__}", "give a tensor or a list of tensors")
    if images.ndim not in (2, 3, 4):
        raise ShapeError("make_grid", f"tensor has shape {images.shape}", "give (N, C, H, W), (C, H, W) or (H, W)")
    if images.ndim < 4:
        images = images.reshape(1, *images.shape) if images.ndim == 3 else images.reshape(1, 1, *images.shape)
    return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images


def _normalised(images: np.ndarray, value_range: tuple[float, float] | None, scale_each: bool) -> np.ndarray:
    if value_range is not None and not isinstance(value_range, tuple):
        raise UsageError("make_grid", f"value_range is {value_range!r}", "give a tuple (low, high)")
    axes = (1, 2, 3) if scale_each else None
    if value_range is not None:
        low, high = (images.dtype.type(v) for v in value_range)
    else:
        low, high = images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)
    # The distance has a floor so that images of one value do not divide by zero.
    return ((np.clip(images, low, high) - low) / np.maximum(high - low, 1e-5)).astype(images.dtype)


def save_image(
    tensor: Tensor | Sequence[Tensor], fp: str | os.PathLike | IO[bytes], format: str | None = None, **kwargs: Any
) -> None:
    """Write an image with values from 0 to 1, or a grid of several (see :func:`make_grid` for ``kwargs``), to a file.

    ``fp``: a path, whose ending says the format, or an open file with ``format``. Raises MissingExtraError without pillow.
    Source: https://pytorch.org/vision/stable/generated/torchvision.utils.save_image.html
    """
    grid = make_grid(tensor, **kwargs).array
    pixels = np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    pillow("save_image").fromarray(np.ascontiguousarray(pixels)).save(fp, format=format)


# -- drawing --------------------------------------------------------------------------------------------------------

Colour = str | tuple[int, int, int]


def _colours(who: str, colors: Any, count: int) -> list[tuple[int, ...]]:
    """Return a colour, (red, green, blue), for each of ``count`` objects."""
    if colors is None:
        # Steps that are far from each other, so that neighbours differ.
        colors = [tuple(i * step % 255 for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)) for i in range(count)]
    elif isinstance(colors, list):
        if len(colors) < count:
            raise ArgumentError(who, f"there are {len(colors)} colors for {count} objects", "give each one its color")
    else:
        colors = [colors] * count
    parse = pillow(who, "ImageColor").getrgb
    return [parse(c) if isinstance(c, str) else tuple(c) for c in colors]


def _canvas(who: str, image: Any) -> np.ndarray:
    if not isinstance(image, Tensor):
        raise UsageError(who, f"image is a {type(image).__name__}", "give a tensor")
    if image.array.dtype.kind != "f" and image.dtype != np.uint8:
        raise DTypeError(who, f"image is of {image.dtype}", "give uint8, or floats from 0 to 1")
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ShapeError(who, f"image has shape {tuple(image.shape)}", "give one image (1 or 3, height, width)")
    return np.repeat(image.array, 3, axis=0) if image.shape[0] == 1 else image.array


def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: list[str] | None = None,
    colors: list[Colour] | Colour | None = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: list[Colour] | Colour | None = None,
    label_background_colors: list[Colour] | Colour | None = None,
    fill_labels: bool = False,
) -> Tensor:
    """Return an image (uint8, or floats from 0 to 1) with boxes (N, 4) drawn on it, each (x min, y min, x max, y max).

    ``fill``: fill the boxes with their colour, partly transparent. ``font``: a TrueType file, of ``font_size``.
    Raises ArgumentError for boxes that are turned round and for too few labels or colours.
    Source: https://pytorch.org/vision/stable/generated/torchvision.utils.draw_bounding_boxes.html

    >>> import tapegrad as tg
    >>> draw_bounding_boxes(tg.zeros(3, 4, 4, dtype="uint8"), tg.tensor([[0, 0, 2, 2]]), colors="red")[0]
    tensor([[255, 255, 255,   0],
            [255,   0, 255,   0],
            [255, 255, 255,   0],
            [  0,   0,   0,   0]], dtype=uint8)
    """
    who = "draw_bounding_boxes"
    canvas = _canvas(who, image)
    corners = boxes.array.tolist()
    if any(x1 < x0 or y1 < y0 for x0, y0, x1, y1 in corners):
        raise ArgumentError(who, "a box ends before it begins", "give (x min, y min, x max, y max)")
    if labels is not None and len(labels) != len(corners):
        raise ArgumentError(who, f"there are {len(labels)} labels for {len(corners)} boxes", "give one for each")
    if not corners:
        return image
    colours = _colours(who, colors, len(corners))
    texts = colours if label_colors is None else _colours(who, label_colors, len(corners))
    grounds = colours if label_background_colors is None else _colours(who, label_background_colors, len(corners))
    floats = canvas.dtype.kind == "f"
    pixels = (canvas * (255 + 1 - 1e-3)).astype(np.uint8) if floats else canvas
    picture = pillow(who).fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    pen = pillow(who, "ImageDraw").Draw(picture, "RGBA" if fill else None)
    fonts = pillow(who, "ImageFont")
    typeface = fonts.load_default() if font is None else fonts.truetype(font=font, size=font_size or 10)
    for i, box in enumerate(corners):
        pen.rectangle(box, width=width, outline=colours[i], fill=(*colours[i], 100) if fill else None)
        if labels is not None and labels[i] is not None:
            place = (box[0] + width + 1, box[1] + width + 1)
            if fill_labels:
                left, top, right, bottom = pen.textbbox(place, labels[i], font=typeface)
                pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=grounds[i])
            pen.text(place, labels[i], fill=texts[i], font=typeface)
    drawn = np.asarray(picture).transpose(2, 0, 1)
    return wrap(drawn.astype(canvas.dtype) / canvas.dtype.type(255) if floats else drawn.copy())


def draw_segmentation_masks(
    image: Tensor, masks: Tensor, alpha: float = 0.8, colors: list[Colour] | Colour | None = None
) -> Tensor:
    """Return an image (3, H, W) whose pixels under boolean masks (N, H, W) are (1 - alpha) · image + alpha · colour.

    Where masks overlap, the colour is black. Raises DTypeError for masks that are not boolean, ShapeError for other sizes.
    Source: https://pytorch.org/vision/stable/generated/torchvision.utils.draw_segmentation_masks.html

    >>> import tapegrad as tg
    >>> black, mask = tg.zeros(3, 1, 2, dtype="uint8"), tg.tensor([[[True, False]]])
    >>> draw_segmentation_masks(black, mask, alpha=0.5, colors="red")[0]
    tensor([[127,   0]], dtype=uint8)
    """
    who = "draw_segmentation_masks"
    canvas = _canvas(who, image)
    chosen = masks.array[None] if masks.ndim == 2 else masks.array
    if chosen.dtype != np.bool_:
        raise DTypeError(who, f"masks are of {chosen.dtype}", "give boolean masks")
    if chosen.ndim != 3 or chosen.shape[1:] != canvas.shape[1:]:
        raise ShapeError(who, f"masks have shape {chosen.shape}, the image {canvas.shape}", "give (N, height, width)")
    painted = canvas.copy()
    scale = 255 if canvas.dtype.kind == "f" else 1
    for mask, colour in zip(chosen, _colours(who, colors, len(chosen)), strict=False):
        painted[:, mask] = np.asarray(colour, np.float32)[:, None] / scale
    painted[:, chosen.sum(axis=0) > 1] = 0
    return wrap((canvas * (1 - alpha) + painted * alpha).astype(canvas.dtype))
