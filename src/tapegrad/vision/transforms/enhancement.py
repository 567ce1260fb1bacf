"""Functions that change tones and sharpness, for PIL images and for tensors of shape (..., channels, height, width)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import wrap
from ...errors import ArgumentError, OptionError, ShapeError, UsageError
from .base import image_array, is_pil, pillow
from .colour import blended, brightest
from .conversion import convert_image_dtype, pil_to_tensor, to_pil_image
from .resampling import as_float, back_to

__all__ = [
    "adjust_gamma",
    "adjust_sharpness",
    "autocontrast",
    "equalize",
    "gaussian_blur",
    "posterize",
    "solarize",
]


def _byte_array(who: str, img: Any) -> np.ndarray:
    array = image_array(who, img)
    if array.dtype != np.uint8:
        raise UsageError(who, f"img is of {array.dtype}", "give uint8; convert_image_dtype makes it")
    return array


def posterize(img: Any, bits: int) -> Any:
    """Return an image with only the first ``bits`` (0 to 8) bits of each value. Raises UsageError for tensors not of uint8.

    >>> import tapegrad as tg
    >>> posterize(tg.tensor([[[100, 200]]], dtype="uint8"), 1)
    tensor([[[  0, 128]]], dtype=uint8)
    """
    if not 0 <= bits <= 8:
        raise ArgumentError("posterize", f"bits is {bits}", "use 0 to 8")
    if is_pil(img):
        return pillow("posterize", "ImageOps").posterize(img, bits)
    return wrap(_byte_array("posterize", img) & np.uint8(256 - 2 ** (8 - bits)))


def solarize(img: Any, threshold: float) -> Any:
    """Return an image whose values from ``threshold`` on are inverted. Raises UsageError for one above the largest value.

    >>> import tapegrad as tg
    >>> solarize(tg.tensor([[[0.2, 0.8]]]), 0.5)
    tensor([[[0.2000, 0.2000]]])
    """
    if is_pil(img):
        return pillow("solarize", "ImageOps").solarize(img, threshold)
    array = image_array("solarize", img)
    most = brightest(array)
    if threshold > most:
        raise UsageError(
            "solarize", f"threshold is {threshold}", f"use at most {most}, the largest value of {array.dtype}"
        )
    return wrap(np.where(array >= threshold, (most - array).astype(array.dtype), array))


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """Return an image blended with a smoothed one: 0 gives that alone, 1 the image, 2 doubles the distance from it.

    Each pixel but those of the border is smoothed to (sum of its neighbourhood of 3 × 3 + 4 · itself) / 13.
    """
    if sharpness_factor < 0:
        raise ArgumentError("adjust_sharpness", f"the factor is {sharpness_factor}", "use 0 or more; 1 changes nothing")
    if is_pil(img):
        return pillow("adjust_sharpness", "ImageEnhance").Sharpness(img).enhance(sharpness_factor)
    array = image_array("adjust_sharpness", img)
    height, width = array.shape[-2:]
    values = as_float(array)
    smooth = values.copy()
    if height <= 2 or width <= 2:
        return wrap(array.copy())
    around = sum(values[..., y : height - 2 + y, x : width - 2 + x] for y in range(3) for x in range(3))
    middle = (around + 4 * values[..., 1:-1, 1:-1]) / 13
    smooth[..., 1:-1, 1:-1] = np.rint(middle) if array.dtype.kind in "iu" else middle
    return blended(array, smooth, sharpness_factor)


def autocontrast(img: Any) -> Any:
    """Return an image whose values are stretched, channel by channel, so that the smallest is black, the largest white.

    >>> import tapegrad as tg
    >>> autocontrast(tg.tensor([[[0.2, 0.3, 0.4]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    if is_pil(img):
        return pillow("autocontrast", "ImageOps").autocontrast(img)
    array = image_array("autocontrast", img)
    most = brightest(array)
    values = as_float(array)
    low, high = (f(values, axis=(-2, -1), keepdims=True) for f in (np.min, np.max))
    flat = high == low
    stretched = (values - np.where(flat, 0, low)) * np.where(flat, 1, most / np.where(flat, 1, high - low))
    return wrap(np.clip(stretched, 0, most).astype(array.dtype))


def equalize(img: Any) -> Any:
    """Return an image whose values are spread, channel by channel, so that all are about as frequent.

    Raises UsageError for tensors that are not of uint8.
    """
    if is_pil(img):
        return pillow("equalize", "ImageOps").equalize(img)
    array = _byte_array("equalize", img)
    channels = array.reshape(-1, array.shape[-2] * array.shape[-1])
    return wrap(np.stack([_equalized(channel) for channel in channels]).reshape(array.shape))


def _equalized(values: np.ndarray) -> np.ndarray:
    counts = np.bincount(values, minlength=256)
    step = int(counts[counts > 0][:-1].sum()) // 255
    if step == 0:
        return values
    table = (np.cumsum(counts) - counts + step // 2) // step
    # The first value is black, whatever the half step.
    table[0] = 0
    return np.clip(table, 0, 255).astype(np.uint8)[values]


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """Return gain · image^gamma, with values from 0 to 1 (bytes divided by 255). Raises OptionError for a negative gamma.

    >>> import tapegrad as tg
    >>> adjust_gamma(tg.tensor([[[0.5]]]), 2)
    tensor([[[0.2500]]])
    """
    if gamma < 0:
        raise OptionError("adjust_gamma", f"gamma is {gamma}", "use 0 or more; 1 changes nothing")
    if is_pil(img):
        table = [int((255 + 1 - 1e-3) * gain * (v / 255.0) ** gamma) for v in range(256)] * 3
        return img.convert("RGB").point(table).convert(img.mode)
    array = image_array("adjust_gamma", img)
    values = array if array.dtype.kind == "f" else convert_image_dtype(img, np.float32).array
    return convert_image_dtype(wrap(np.clip(gain * values**gamma, 0, 1).astype(values.dtype)), array.dtype)


def _two(who: str, name: str, value: Any) -> list[Any]:
    values = [value, value] if not isinstance(value, Sequence) else list(value) * (2 if len(value) == 1 else 1)
    if len(values) != 2:
        raise ArgumentError(who, f"{name} is {value!r}", "give one number, or one for x and one for y")
    return values


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None) -> Any:
    """Return an image smoothed by weights exp(-x² / 2σ²) over ``kernel_size`` pixels (odd, along x and y) that add up to 1.

    ``sigma``: one number, or along x and y; by default 0.15 · kernel_size + 0.35. Beyond the edge the image is reflected.
    Raises ArgumentError for kernels that are even and deviations that are not positive, ShapeError for images that are
    smaller than half the kernel.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.gaussian_blur.html
    """
    sizes = _two("gaussian_blur", "kernel_size", kernel_size)
    if any(k % 2 == 0 or k < 1 for k in sizes):
        raise ArgumentError("gaussian_blur", f"kernel_size is {kernel_size!r}", "use odd, positive numbers")
    sigmas = (
        [0.15 * k + 0.35 for k in sizes] if sigma is None else [float(s) for s in _two("gaussian_blur", "sigma", sigma)]
    )
    if min(sigmas) <= 0:
        raise ArgumentError("gaussian_blur", f"sigma is {sigma!r}", "use positive numbers")
    if is_pil(img):
        return to_pil_image(gaussian_blur(pil_to_tensor(img), sizes, sigmas), mode=img.mode)
    array = image_array("gaussian_blur", img)
    values = as_float(array)
    for axis, size, deviation in ((-1, sizes[0], sigmas[0]), (-2, sizes[1], sigmas[1])):
        values = _smoothed(values, axis, size, deviation)
    return wrap(back_to(array.dtype, values))


def _smoothed(values: np.ndarray, axis: int, size: int, sigma: float) -> np.ndarray:
    length, half = values.shape[axis], size // 2
    if half >= length:
        raise ShapeError("gaussian_blur", f"{length} pixels under a kernel of {size}", "use a smaller kernel")
    weights = np.exp(-0.5 * ((np.arange(size) - half) / sigma) ** 2)
    weights /= weights.sum()
    widths = [(0, 0)] * values.ndim
    widths[axis] = (half, half)
    wide = np.moveaxis(np.pad(values, widths, mode="reflect"), axis, -1)
    out = sum(wide[..., i : i + length] * values.dtype.type(w) for i, w in enumerate(weights))
    return np.ascontiguousarray(np.moveaxis(np.asarray(out), -1, axis))
