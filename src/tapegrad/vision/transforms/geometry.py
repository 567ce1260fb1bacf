"""Functions that move pixels, for PIL images and for tensors of shape (..., channels, height, width)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, UsageError
from .base import InterpolationMode, as_mode, image_array, is_pil, pair, pillow
from .resampling import expanded, inverse_affine, resized, sampled

__all__ = [
    "affine",
    "center_crop",
    "crop",
    "erase",
    "five_crop",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "pad",
    "resize",
    "resized_crop",
    "rotate",
    "ten_crop",
    "vflip",
]

_PAD_MODES = ("constant", "edge", "reflect", "symmetric")
NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def get_dimensions(img: Any) -> list[int]:
    """Return [channels, height, width] of an image."""
    if is_pil(img):
        return [len(img.getbands()), img.height, img.width]
    *leading, height, width = image_array("get_dimensions", img).shape
    return [leading[-1] if leading else 1, height, width]


def get_image_size(img: Any) -> list[int]:
    """Return [width, height] of an image."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """Return the number of channels of an image."""
    return get_dimensions(img)[0]


def _transposed(img: Any, method: str) -> Any:
    return img.transpose(getattr(pillow("transforms").Transpose, method))


def hflip(img: Any) -> Any:
    """Return the image with left and right exchanged.

    >>> import tapegrad as tg
    >>> hflip(tg.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """
    if is_pil(img):
        return _transposed(img, "FLIP_LEFT_RIGHT")
    return wrap(image_array("hflip", img)[..., ::-1].copy())


def vflip(img: Any) -> Any:
    """Return the image with top and bottom exchanged.

    >>> import tapegrad as tg
    >>> vflip(tg.tensor([[[1], [2]]]))
    tensor([[[2],
             [1]]])
    """
    if is_pil(img):
        return _transposed(img, "FLIP_TOP_BOTTOM")
    return wrap(image_array("vflip", img)[..., ::-1, :].copy())


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """Return the part of an image that begins at (top, left); where there is no image it is 0.

    >>> import tapegrad as tg
    >>> crop(tg.tensor([[[1, 2, 3]]]), 0, 1, 1, 3)
    tensor([[[2, 3, 0]]])
    """
    if is_pil(img):
        return img.crop((left, top, left + width, top + height))
    array = image_array("crop", img)
    out = np.zeros((*array.shape[:-2], height, width), array.dtype)
    rows, columns = (
        slice(max(start, 0), max(min(start + size, total), 0))
        for start, size, total in ((top, height, array.shape[-2]), (left, width, array.shape[-1]))
    )
    part = array[..., rows, columns]
    down, right = max(-top, 0), max(-left, 0)
    out[..., down : down + part.shape[-2], right : right + part.shape[-1]] = part
    return wrap(out)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """Return the middle of an image, with zeros around it where it is smaller than ``output_size``.

    >>> import tapegrad as tg
    >>> center_crop(tg.arange(4).reshape(1, 2, 2), (2, 4))
    tensor([[[0, 0, 1, 0],
             [0, 2, 3, 0]]])
    """
    height, width = pair("center_crop", "output_size", output_size)
    _, tall, wide = get_dimensions(img)
    if height > tall or width > wide:
        over_y, over_x = max(height - tall, 0), max(width - wide, 0)
        img = pad(img, [over_x // 2, over_y // 2, (over_x + 1) // 2, (over_y + 1) // 2])
        _, tall, wide = get_dimensions(img)
    return crop(img, round((tall - height) / 2.0), round((wide - width) / 2.0), height, width)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple:
    """Return the four corners (top left, top right, bottom left, bottom right) and the middle of an image."""
    height, width = pair("five_crop", "size", size)
    _, tall, wide = get_dimensions(img)
    if height > tall or width > wide:
        raise ArgumentError(
            "five_crop", f"size is {(height, width)}, the image has {(tall, wide)}", "use a smaller size"
        )
    corners = [(y, x) for y in (0, tall - height) for x in (0, wide - width)]
    return (*(crop(img, y, x, height, width) for y, x in corners), center_crop(img, (height, width)))


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple:
    """Return :func:`five_crop` of the image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def _borders(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of one, two (left and right, top and bottom) or four numbers."""
    values = tuple(padding) if isinstance(padding, Sequence) else (padding,)
    if len(values) not in (1, 2, 4) or not all(isinstance(v, (int, np.integer)) and v >= 0 for v in values):
        raise ArgumentError("pad", f"padding is {padding!r}", "use one, two or four numbers that are not negative")
    left, top = values[0], values[1 if len(values) > 1 else 0]
    return (left, top, values[2], values[3]) if len(values) == 4 else (left, top, left, top)


def pad(img: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Return an image with borders: of the value ``fill``, or made of its own pixels (edge, reflect, symmetric).

    ``padding``: one number, (left and right, top and bottom), or (left, top, right, bottom).
    Raises ArgumentError for anything else, or a border that the image is too small to be reflected in.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.Pad.html

    >>> import tapegrad as tg
    >>> pad(tg.tensor([[[1, 2, 3]]]), (2, 0), padding_mode="reflect")
    tensor([[[3, 2, 1, 2, 3, 2, 1]]])
    """
    left, top, right, bottom = _borders(padding)
    if padding_mode not in _PAD_MODES:
        raise ArgumentError("pad", f"padding_mode is {padding_mode!r}", "use " + ", ".join(_PAD_MODES))
    _, height, width = get_dimensions(img)
    room = {"reflect": 1, "symmetric": 0}.get(padding_mode)
    if room is not None and (max(left, right) > width - room or max(top, bottom) > height - room):
        raise ArgumentError(
            "pad", f"padding is {padding!r} for an image of {(height, width)}", "use less, or another mode"
        )
    if not is_pil(img):
        return wrap(_padded(image_array("pad", img), (top, bottom), (left, right), fill, padding_mode))
    if padding_mode == "constant":
        return pillow("pad", "ImageOps").expand(img, (left, top, right, bottom), fill=pil_fill(img, fill))
    pixels = np.asarray(img)
    widths = [(top, bottom), (left, right), (0, 0)][: pixels.ndim]
    out = pillow("pad").fromarray(np.pad(pixels, widths, mode=padding_mode))  # type: ignore[call-overload]
    if img.mode == "P":
        out.putpalette(img.getpalette())
    return out


def _padded(array: np.ndarray, rows: tuple, columns: tuple, fill: Any, mode: str) -> np.ndarray:
    widths = [(0, 0)] * (array.ndim - 2) + [rows, columns]
    if mode != "constant":
        return np.pad(array, widths, mode=mode)  # type: ignore[call-overload]
    out = np.empty([n + sum(w) for n, w in zip(array.shape, widths, strict=True)], array.dtype)
    out[...] = np.reshape(np.asarray(fill), (-1, 1, 1)) if np.ndim(fill) else fill
    out[..., rows[0] : rows[0] + array.shape[-2], columns[0] : columns[0] + array.shape[-1]] = array
    return out


def pil_fill(img: Any, fill: Any) -> Any:
    """Return a fill as PIL wants it: a number for one band, as many as there are bands otherwise."""
    if fill is None:
        return None
    bands = len(img.getbands())
    values = tuple(fill) if isinstance(fill, Sequence) else (fill,) * bands
    if len(values) != bands:
        raise ArgumentError("transforms", f"fill is {fill!r} for an image of {bands} bands", "give one value per band")
    values = values if img.mode == "F" else tuple(int(v) for v in values)
    return values if bands > 1 else values[0]


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Any = BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Return an image of another size.

    ``size``: (height, width), or a number for the shorter edge, the longer one following in proportion but at most
    ``max_size``. ``antialias``: average over what a smaller tensor's pixel covers; PIL images always do.
    Raises ArgumentError for sizes that are no such, UsageError for modes that tensors do not know.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html

    >>> import tapegrad as tg
    >>> resize(tg.tensor([[[0.0, 2.0, 4.0, 6.0]]]), (1, 2), antialias=False)
    tensor([[[1., 5.]]])
    """
    mode = as_mode("resize", interpolation)
    _, height, width = get_dimensions(img)
    wanted = output_size((height, width), size, max_size)
    if is_pil(img):
        if mode is InterpolationMode.NEAREST_EXACT:
            mode = NEAREST  # which PIL computes exactly
        return img if wanted == (height, width) else img.resize(wanted[::-1], pil_mode(mode))
    return wrap(resized(image_array("resize", img), wanted, mode, bool(antialias)))


def output_size(image: tuple[int, int], size: int | Sequence[int], max_size: int | None) -> tuple[int, int]:
    """Return the (height, width) that an image of (height, width) is resized to."""
    height, width = pair("resize", "size", size)
    if isinstance(size, Sequence) and len(size) == 2:
        if max_size is not None:
            raise ArgumentError(
                "resize", f"max_size is {max_size}, size is {tuple(size)}", "give max_size with one number"
            )
        return height, width
    short, long = sorted(image)
    new_short, new_long = height, int(height * long / short)
    if max_size is not None:
        if max_size <= height:
            raise ArgumentError("resize", f"max_size is {max_size}, not above size {height}", "use a larger max_size")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if image[0] <= image[1] else (new_long, new_short)


def pil_mode(mode: InterpolationMode) -> Any:
    """Return PIL's name for a mode. Raises UsageError for the one that it has not."""
    if mode is InterpolationMode.NEAREST_EXACT:
        raise UsageError("transforms", "PIL images do not know nearest-exact", "use nearest")
    return getattr(pillow("transforms").Resampling, mode.name)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """Return a :func:`crop` brought to a size by :func:`resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """Return an image rotated by ``angle`` degrees, counter-clockwise.

    ``expand``: enlarge the output until it holds the whole image. ``center``: (x, y) of
    the point to rotate about, counted from the upper left corner; the middle by default. ``fill``: the value outside.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.rotate.html

    >>> import tapegrad as tg
    >>> rotate(tg.tensor([[[1, 2], [3, 4]]]), 90)
    tensor([[[2, 4],
             [1, 3]]])
    """
    mode = as_mode("rotate", interpolation)
    if is_pil(img):
        return img.rotate(angle, pil_mode(mode), bool(expand), center, fillcolor=pil_fill(img, fill))
    array = image_array("rotate", img)
    height, width = array.shape[-2:]
    middle = (width * 0.5, height * 0.5)
    inverse = inverse_affine(-angle, centre=middle if center is None else center)
    size = (height, width)
    if expand:
        size, inverse = expanded(height, width, inverse)
    return wrap(sampled(array, inverse, size, mode, fill))


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """Return an image rotated (degrees, clockwise), sheared (degrees along x, y), scaled about ``center``, then moved.

    ``translate``: (right, down) in pixels. ``center``: (x, y) from the upper left corner; the middle by default.
    Raises ArgumentError for a scale that is not positive.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.affine.html

    >>> import tapegrad as tg
    >>> affine(tg.tensor([[[1, 2, 3]]]), angle=0, translate=(1, 0), scale=1.0, shear=0)
    tensor([[[0, 1, 2]]])
    """
    mode = as_mode("affine", interpolation)
    if not scale > 0 or not math.isfinite(scale):
        raise ArgumentError("affine", f"scale is {scale}", "use a positive number")
    shears = tuple(shear) if isinstance(shear, Sequence) else (shear,)
    shears = (shears[0], 0.0) if len(shears) == 1 else shears
    _, height, width = get_dimensions(img)
    centre = (width * 0.5, height * 0.5) if center is None else center
    inverse = inverse_affine(angle, translate, scale, shears, centre)
    if is_pil(img):
        image = pillow("affine")
        coefficients = inverse.reshape(-1).tolist()
        return img.transform(
            (width, height), image.Transform.AFFINE, coefficients, pil_mode(mode), fillcolor=pil_fill(img, fill)
        )
    return wrap(sampled(image_array("affine", img), inverse, (height, width), mode, fill))


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """Return an image tensor in which the h × w pixels from (i, j) on are replaced by ``v``."""
    array = image_array("erase", img)
    out = array if inplace else array.copy()
    out[..., i : i + h, j : j + w] = v.array if isinstance(v, Tensor) else v
    return img if inplace else wrap(out)
