"""Between PIL images, arrays and tensors, and between dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...array import get_default_dtype
from ...core import Tensor, as_tensor, wrap
from ...errors import ArgumentError, DTypeError, ShapeError, UsageError
from .base import is_pil, pillow

__all__ = ["convert_image_dtype", "normalize", "pil_to_tensor", "to_pil_image", "to_tensor"]

# Modes whose values do not fit into a byte.
_WIDE = {"I": np.int32, "I;16": np.int16, "F": np.float32}
_MODES = {1: ("L", "1", "P"), 2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}
_GREY_MODES = {"u1": "L", "i2": "I;16", "i4": "I", "f4": "F"}


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    """Return (height, width) or (height, width, channels) as (channels, height, width), in memory of its own."""
    return np.array(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), order="C")


def to_tensor(pic: Any) -> Tensor:
    """Return a PIL image or an array of shape (height, width[, channels]) as a tensor (channels, height, width).

    Bytes become floats from 0 to 1 (divided by 255); other numbers stay as they are.
    Raises UsageError for anything else, ShapeError for arrays of other dimensions.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html

    >>> to_tensor(np.array([[0, 255]], dtype=np.uint8))
    tensor([[[0., 1.]]])
    """
    if is_pil(pic):
        pixels = np.asarray(pic, dtype=_WIDE.get(pic.mode, np.uint8))
        if pic.mode == "1":
            pixels = pixels * np.uint8(255)
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise UsageError("to_tensor", f"pic is a {type(pic).__name__}", "give a PIL image or an array")
    if pixels.ndim not in (2, 3):
        raise ShapeError(
            "to_tensor", f"pic has shape {pixels.shape}", "give (height, width) or (height, width, channels)"
        )
    return wrap(unit_range(_channels_first(pixels)))


def unit_range(pixels: np.ndarray) -> np.ndarray:
    """Return bytes as floats from 0 to 1, anything else as it is."""
    if pixels.dtype != np.uint8:
        return pixels
    dtype = get_default_dtype()
    return np.divide(pixels, dtype.type(255), dtype=dtype)


def pil_to_tensor(pic: Any) -> Tensor:
    """Return a PIL image as a tensor (channels, height, width) of the same values. Raises UsageError for anything else."""
    if not is_pil(pic):
        raise UsageError("pil_to_tensor", f"pic is a {type(pic).__name__}", "give a PIL image")
    return wrap(_channels_first(np.asarray(pic)))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """Return a tensor (channels, height, width) or an array (height, width, channels) as a PIL image.

    Floats from 0 to 1 become bytes, except for ``mode="F"``. Without a ``mode``: L, I;16, I or F for one channel by dtype,
    then LA, RGB, RGBA. Raises ShapeError, ArgumentError or DTypeError for what no mode can hold, MissingExtraError without
    pillow.
    """
    if not isinstance(pic, (Tensor, np.ndarray)):
        raise UsageError("to_pil_image", f"pic is a {type(pic).__name__}", "give a tensor or an array")
    pixels = pic.detach().array if isinstance(pic, Tensor) else pic
    if isinstance(pic, Tensor) and pixels.ndim == 3:
        pixels = pixels.transpose(1, 2, 0)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
        raise ShapeError("to_pil_image", f"pic has shape {tuple(pic.shape)}", "give an image of 1 to 4 channels")
    if pixels.dtype.kind == "f" and mode != "F":
        pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    mode = _checked_mode(pixels, mode)
    image = pillow("to_pil_image")
    plain = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if mode in ("I;16", "YCbCr", "HSV", "CMYK", "RGBX"):  # which fromarray takes for something else
        return image.frombytes(mode, plain.shape[1::-1], plain.tobytes())
    return image.fromarray(plain)


def _checked_mode(pixels: np.ndarray, mode: str | None) -> str:
    channels = pixels.shape[2]
    if channels == 1:
        natural = _GREY_MODES.get(pixels.dtype.str[1:])
    else:
        natural = _MODES[channels][0] if pixels.dtype == np.uint8 else None
    if natural is None:
        raise DTypeError(
            "to_pil_image", f"no mode holds {channels} channels of {pixels.dtype}", "convert to uint8 first"
        )
    known = (natural,) if channels == 1 else _MODES[channels]
    if mode is not None and mode not in known:
        raise ArgumentError(
            "to_pil_image", f"mode is '{mode}' for {channels} channels of {pixels.dtype}", "use " + " or ".join(known)
        )
    return mode or natural


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """Return an image in another dtype, its values scaled to what that holds: 0 to 1 for floats, 0 to the largest integer.

    Raises DTypeError for a float that the wanted integer is too fine for (float32 to int32, float64 to int64).
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.ConvertImageDtype.html

    >>> import tapegrad as tg
    >>> convert_image_dtype(tg.tensor([0, 255], dtype="uint8"))
    tensor([0., 1.])
    """
    dtype = np.dtype(dtype)
    source = image.array
    if source.dtype == dtype:
        return image
    if source.dtype.kind == "f":
        if dtype.kind == "f":
            return wrap(source.astype(dtype))
        if dtype.itemsize >= source.dtype.itemsize:
            raise DTypeError(
                "convert_image_dtype",
                f"{source.dtype} cannot hold the values of {dtype}",
                "use a smaller integer dtype",
            )
        # All integers get a share of [0, 1] of the same size; a little less than one more, so that 1 gives the largest.
        return wrap((source * (_largest(dtype) + 1 - 1e-3)).astype(dtype))
    if dtype.kind == "f":
        return wrap(source.astype(dtype) / dtype.type(_largest(source.dtype)))
    ratio = (_largest(source.dtype) + 1) // (_largest(dtype) + 1)
    if ratio >= 1:
        return wrap((source // source.dtype.type(ratio)).astype(dtype) if ratio > 1 else source.astype(dtype))
    return wrap(source.astype(dtype) * dtype.type((_largest(dtype) + 1) // (_largest(source.dtype) + 1)))


def _largest(dtype: np.dtype) -> int:
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """Return (tensor - mean) / std, channel by channel, for a float tensor of shape (..., channels, height, width).

    Raises UsageError for integers and images, ArgumentError for a std of 0, ShapeError when there are not as many means as
    channels.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html

    >>> import tapegrad as tg
    >>> normalize(tg.ones(1, 1, 2), mean=[0.5], std=[0.25])
    tensor([[[2., 2.]]])
    """
    centre, spread = map(as_tensor, channel_values(tensor, mean, std))
    return tensor.sub_(centre).div_(spread) if inplace else (tensor - centre) / spread


def channel_values(tensor: Tensor, mean: Sequence[float], std: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and std as arrays that fit a tensor of images; raise what :func:`normalize` raises."""
    if not isinstance(tensor, Tensor) or tensor.dtype.kind != "f":
        kind = f"a tensor of {tensor.dtype}" if isinstance(tensor, Tensor) else f"a {type(tensor).__name__}"
        raise UsageError("normalize", f"tensor is {kind}", "put ToTensor() before it")
    centre, spread = (np.atleast_1d(np.asarray(v, dtype=tensor.dtype)) for v in (mean, std))
    if tensor.ndim < 3 or any(v.shape not in ((1,), (tensor.shape[-3],)) for v in (centre, spread)):
        raise ShapeError(
            "normalize",
            f"tensor has shape {tuple(tensor.shape)}, mean and std have {centre.size} and {spread.size} values",
            "give (..., channels, height, width) and one value per channel",
        )
    if (spread == 0).any():
        raise ArgumentError(
            "normalize", f"std is {list(std) if isinstance(std, Sequence) else std}", "use values above 0"
        )
    return centre[:, None, None], spread[:, None, None]
