"""Image files as tensors (channels, height, width) of bytes, read and written by pillow."""

from __future__ import annotations

import enum
import io
import os
import pathlib
from typing import Any

import numpy as np

from ..core import Tensor, wrap
from ..errors import DecodingError, DTypeError, ShapeError, UsageError
from .transforms.base import pillow

__all__ = [
    "ImageReadMode",
    "decode_gif",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "decode_webp",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]


class ImageReadMode(enum.Enum):
    """Which channels an image is read with: those it has, grey, colours, either with transparency (alpha)."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_PIL_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}
# What is not in bytes by channel is read as what comes closest to it.
_UNCHANGED = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB", "LAB": "RGB", "PA": "RGBA"}


def read_file(path: str | os.PathLike) -> Tensor:
    """Return the bytes of a file, of shape (bytes,). Raises DecodingError when it cannot be read."""
    try:
        return wrap(np.frombuffer(pathlib.Path(path).read_bytes(), np.uint8).copy())
    except OSError as error:
        raise DecodingError(str(path), f"cannot be read ({error.strerror})", "check the path") from None


def write_file(filename: str | os.PathLike, data: Tensor) -> None:
    """Write bytes, a tensor of shape (bytes,), to a file. Raises ShapeError or DTypeError for others."""
    if data.ndim != 1 or data.dtype != np.uint8:
        raise ShapeError(
            "write_file", f"data is {data.dtype} of shape {tuple(data.shape)}", "give uint8 of shape (bytes,)"
        )
    pathlib.Path(filename).write_bytes(data.array.tobytes())


def read_image(
    path: str | os.PathLike, mode: ImageReadMode | str = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """Return the image in a file as bytes of shape (channels, height, width); uint16 for PNG files of 16 bits.

    ``mode``: an :class:`ImageReadMode` or its name. ``apply_exif_orientation``: turn the image as its EXIF data says.
    Raises DecodingError when the file is not there or is no image.
    Source: https://pytorch.org/vision/stable/generated/torchvision.io.read_image.html
    """
    return decode_image(read_file(path), mode, apply_exif_orientation)


def decode_image(
    input: Tensor | str | os.PathLike,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """Return an image from the bytes of its file, or from a path; see :func:`read_image`.

    >>> import tapegrad as tg
    >>> decode_image(encode_png(tg.tensor([[[0, 128, 255]]], dtype="uint8")))
    tensor([[[  0, 128, 255]]], dtype=uint8)
    """
    if not isinstance(input, Tensor):
        input = read_file(input)
    if input.dtype != np.uint8 or input.ndim != 1 or input.numel() == 0:
        raise DecodingError(
            "decode_image", f"input is {input.dtype} of shape {tuple(input.shape)}", "give uint8 of shape (bytes,)"
        )
    wanted = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    image = pillow("decode_image")
    try:
        picture = image.open(io.BytesIO(input.array.tobytes()))
        return wrap(_pixels(picture, wanted, apply_exif_orientation))
    except Exception as error:  # what decoders raise on damaged files is not documented, and is much
        reason = "unknown format" if isinstance(error, image.UnidentifiedImageError) else str(error)
        raise DecodingError(
            "decode_image", f"the bytes are no image that can be read ({reason})", "check them"
        ) from None


def _pixels(picture: Any, mode: ImageReadMode, turn: bool) -> np.ndarray:
    if picture.format == "JPEG" and mode is ImageReadMode.GRAY:
        picture.draft("L", picture.size)  # the file's own brightness, instead of one computed from colours
    if turn:
        picture = pillow("decode_image", "ImageOps").exif_transpose(picture)
    if mode is not ImageReadMode.UNCHANGED:
        picture = picture.convert(_PIL_MODES[mode])
    elif picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    else:
        picture = picture.convert(_UNCHANGED.get(picture.mode, picture.mode))
    pixels = np.asarray(picture)
    if pixels.dtype == np.int32:
        pixels = pixels.astype(np.uint16)
    return np.array(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), order="C")


# Pillow recognises formats by the bytes, so that these are one function under the names of the formats.
decode_png = decode_jpeg = decode_webp = decode_image


def decode_gif(input: Tensor) -> Tensor:
    """Return a GIF from the bytes of its file as (3, height, width), or (frames, 3, height, width) when it moves."""
    image = pillow("decode_gif")
    try:
        picture = image.open(io.BytesIO(input.array.tobytes()))
        frames = []
        for i in range(getattr(picture, "n_frames", 1)):
            picture.seek(i)
            frames.append(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))
    except Exception as error:  # as in decode_image
        raise DecodingError("decode_gif", f"the bytes are no GIF ({error})", "check them") from None
    return wrap(np.stack(frames) if len(frames) > 1 else np.ascontiguousarray(frames[0]))


def _encoded(who: str, input: Any, kind: str, **options: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise UsageError(who, f"input is a {type(input).__name__}", "give a tensor")
    if input.dtype != np.uint8:
        raise DTypeError(who, f"input is of {input.dtype}", "multiply floats by 255 and convert to uint8")
    if input.ndim != 3 or input.shape[0] not in (1, 3):
        raise ShapeError(who, f"input has shape {tuple(input.shape)}", "give (1 or 3, height, width)")
    pixels = input.array[0] if input.shape[0] == 1 else input.array.transpose(1, 2, 0)
    buffer = io.BytesIO()
    pillow(who).fromarray(np.ascontiguousarray(pixels)).save(buffer, kind, **options)
    return wrap(np.frombuffer(buffer.getvalue(), np.uint8).copy())


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """Return the bytes of a PNG file with an image of bytes (1 or 3, height, width); ``compression_level``: 0 to 9.

    Raises DTypeError and ShapeError for other tensors.
    """
    return _encoded("encode_png", input, "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """Return the bytes of a JPEG file with an image of bytes (1 or 3, height, width); ``quality``: 1 to 100.

    Raises DTypeError and ShapeError for other tensors.
    """
    return _encoded("encode_jpeg", input, "JPEG", quality=quality)


def write_png(input: Tensor, filename: str | os.PathLike, compression_level: int = 6) -> None:
    """Write an image of bytes (1 or 3, height, width) to a PNG file; see :func:`encode_png`."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: str | os.PathLike, quality: int = 75) -> None:
    """Write an image of bytes (1 or 3, height, width) to a JPEG file; see :func:`encode_jpeg`."""
    write_file(filename, encode_jpeg(input, quality))
