"""Functions that change colours, for PIL images and for tensors of shape (..., channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import wrap
from ...errors import ArgumentError, ShapeError
from .base import image_array, is_pil, pillow
from .resampling import as_float, back_to

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "invert",
    "rgb_to_grayscale",
    "to_grayscale",
]

# How much red, green and blue count in brightness (ITU-R BT.601).
_LUMA = (0.2989, 0.587, 0.114)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Return an image in shades of grey, 0.2989 R + 0.587 G + 0.114 B, with 1 or 3 equal channels.

    Raises ArgumentError for other numbers of channels, ShapeError for a tensor that has neither 1 nor 3.

    >>> import tapegrad as tg
    >>> to_grayscale(tg.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1))
    tensor([[[0.2989]]])
    """
    if num_output_channels not in (1, 3):
        raise ArgumentError("to_grayscale", f"num_output_channels is {num_output_channels}", "use 1 or 3")
    if is_pil(img):
        grey = img.convert("L")
        return grey if num_output_channels == 1 else pillow("to_grayscale").merge("RGB", (grey, grey, grey))
    array = image_array("to_grayscale", img)
    grey = _grey("to_grayscale", array)
    # Fractions are cut off, as torchvision does.
    return wrap(np.repeat(grey.astype(array.dtype), num_output_channels, axis=-3))


rgb_to_grayscale = to_grayscale


def _grey(who: str, array: np.ndarray) -> np.ndarray:
    """Return the brightness of each pixel, as a float, with one channel."""
    channels = array.shape[-3] if array.ndim > 2 else 0
    if channels not in (1, 3):
        raise ShapeError(who, f"img has shape {array.shape}", "give 1 or 3 channels before height and width")
    values = as_float(array)
    if channels == 1:
        return values
    red, green, blue = (values[..., c : c + 1, :, :] * values.dtype.type(w) for c, w in enumerate(_LUMA))
    return red + green + blue


def invert(img: Any) -> Any:
    """Return the negative of an image."""
    if is_pil(img):
        return pillow("invert", "ImageOps").invert(img)
    array = image_array("invert", img)
    return wrap((brightest(array) - array).astype(array.dtype))


def brightest(array: np.ndarray) -> int:
    """Return the value of white in an image: 1 for floats, the largest one for integers."""
    return 1 if array.dtype.kind in "fb" else int(np.iinfo(array.dtype).max)


def blended(array: np.ndarray, other: Any, factor: float) -> Any:
    """Return factor · image + (1 - factor) · other, kept within the image's range; integers are cut off."""
    values = np.clip(factor * as_float(array) + (1 - factor) * other, 0, brightest(array))
    return wrap(values.astype(array.dtype))


def _enhanced(img: Any, kind: str, factor: float) -> Any:
    return getattr(pillow(f"adjust_{kind.lower()}", "ImageEnhance"), kind)(img).enhance(factor)


def _check_factor(who: str, factor: float) -> None:
    if not factor >= 0:
        raise ArgumentError(who, f"the factor is {factor}", "use 0 or more; 1 changes nothing")


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Return the image with its values multiplied by the factor.

    >>> import tapegrad as tg
    >>> adjust_brightness(tg.tensor([[[0.1, 0.6]]]), 2)
    tensor([[[0.2000, 1.0000]]])
    """
    _check_factor("adjust_brightness", brightness_factor)
    if is_pil(img):
        return _enhanced(img, "Brightness", brightness_factor)
    return blended(image_array("adjust_brightness", img), 0.0, brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Return the image blended with the mean of its greys: 0 gives that alone, 2 doubles the distance from it."""
    _check_factor("adjust_contrast", contrast_factor)
    if is_pil(img):
        return _enhanced(img, "Contrast", contrast_factor)
    array = image_array("adjust_contrast", img)
    grey = _grey("adjust_contrast", array)
    if array.dtype.kind in "iu":
        grey = np.floor(grey)
    return blended(array, grey.mean(axis=(-3, -2, -1), keepdims=True), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Return the image blended with its greys: 0 gives shades of grey, 2 doubles the distance from them."""
    _check_factor("adjust_saturation", saturation_factor)
    if is_pil(img):
        return _enhanced(img, "Color", saturation_factor)
    array = image_array("adjust_saturation", img)
    if array.ndim > 2 and array.shape[-3] == 1:
        return wrap(array.copy())
    grey = _grey("adjust_saturation", array)
    return blended(array, np.floor(grey) if array.dtype.kind in "iu" else grey, saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Return the image with every hue turned by ``hue_factor`` of the colour circle, from -0.5 to 0.5.

    Raises ArgumentError outside of that. Images in shades of grey stay as they are.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ArgumentError("adjust_hue", f"hue_factor is {hue_factor}", "use -0.5 to 0.5")
    if is_pil(img):
        return _turned_image(img, hue_factor)
    array = image_array("adjust_hue", img)
    if array.ndim < 3 or array.shape[-3] == 1:
        return wrap(array.copy())
    values = as_float(array) / brightest(array)
    hue, saturation, value = _hsv(values)
    turned = _rgb((hue + hue_factor) % 1.0, saturation, value)
    return wrap(back_to(array.dtype, turned.astype(values.dtype) * brightest(array)))


def _turned_image(img: Any, hue_factor: float) -> Any:
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.asarray(hue) + np.array(int(hue_factor * 255) % 256, dtype=np.uint8)
    image = pillow("adjust_hue")
    return image.merge("HSV", (image.fromarray(turned), saturation, value)).convert(img.mode)


def _hsv(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hue (0 to 1), saturation and value. Source: A. R. Smith, "Color gamut transform pairs" (1978)."""
    red, green, blue = np.moveaxis(rgb, -3, 0)
    value = rgb.max(axis=-3)
    chroma = value - rgb.min(axis=-3)
    safe = np.where(chroma == 0, 1, chroma)
    sixths = np.where(
        value == red, (green - blue) / safe, np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    )
    saturation = chroma / np.where(value == 0, 1, value)
    return np.where(chroma == 0, 0, sixths / 6 % 1.0), saturation, value


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the channels of a colour: value · (1 - saturation · clip(min(k, 4 - k), 0, 1)), k = (n + 6 hue) mod 6."""
    channels = []
    for n in (5, 3, 1):
        k = (n + 6 * hue) % 6
        channels.append(value * (1 - saturation * np.clip(np.minimum(k, 4 - k), 0, 1)))
    return np.stack(channels, axis=-3)
