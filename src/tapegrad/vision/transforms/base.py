"""What all transforms share: their base, their randomness, and telling PIL images from tensors."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import Tensor
from ...errors import ArgumentError, GradError, MissingExtraError, ShapeError, UsageError
from ...nn import Module
from ...ops.generator import current_generator

__all__ = ["InterpolationMode", "Transform", "as_mode", "image_array", "is_pil", "pair", "pillow", "rng"]


class Transform(Module):
    """The base of transforms: write ``forward(img)``, call the instance. It is a Module, so ``nn.Sequential`` takes it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class InterpolationMode(enum.Enum):
    """How values between pixels are found. Tensors know the first four, PIL images all but ``NEAREST_EXACT``."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_BY_PIL_NUMBER = {
    0: InterpolationMode.NEAREST,
    1: InterpolationMode.LANCZOS,
    2: InterpolationMode.BILINEAR,
    3: InterpolationMode.BICUBIC,
    4: InterpolationMode.BOX,
    5: InterpolationMode.HAMMING,
}


def as_mode(who: str, interpolation: Any) -> InterpolationMode:
    """Return the mode of an InterpolationMode or of PIL's number for one."""
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if isinstance(interpolation, int) and interpolation in _BY_PIL_NUMBER:
        return _BY_PIL_NUMBER[interpolation]
    raise UsageError(who, f"interpolation is {interpolation!r}", "use one of transforms.InterpolationMode")


def rng() -> np.random.Generator:
    """Return the generator that random transforms draw from.

    Within a DataLoader that is the sample's own, a function of (seed, epoch, place); elsewhere the one that
    :func:`tapegrad.manual_seed` seeds. Transforms of one's own that draw from it are reproducible in the same way.

    >>> import tapegrad as tg
    >>> _ = tg.manual_seed(1)
    >>> first = rng().uniform()
    >>> _ = tg.manual_seed(1)
    >>> rng().uniform() == first
    True
    """
    return current_generator().stream


def pillow(who: str, module: str = "Image") -> Any:
    """Return a module of pillow. Raises MissingExtraError when it is not installed."""
    try:
        import importlib

        return importlib.import_module(f"PIL.{module}")
    except ImportError:
        raise MissingExtraError(who, "pillow", "lab") from None


def is_pil(img: Any) -> bool:
    """Return whether this is a PIL image; pillow is not loaded to find out."""
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(img, image.Image)


def image_array(who: str, img: Any) -> np.ndarray:
    """Return the array of an image tensor of shape (..., height, width).

    Raises UsageError for anything else, GradError for a tensor that requires a gradient: these transforms record none.
    """
    if not isinstance(img, Tensor):
        raise UsageError(
            who, f"img is a {type(img).__name__}", "give a PIL image or a tensor (ToTensor() makes one of an array)"
        )
    if img.requires_grad:
        raise GradError(who, "img requires a gradient, which this transform does not record", "use img.detach()")
    if img.ndim < 2:
        raise ShapeError(who, f"img has shape {tuple(img.shape)}", "give (channels, height, width)")
    return img.array


def pair(who: str, name: str, value: Any) -> tuple[int, int]:
    """Return (height, width) of a number, of one number in a sequence, or of two."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(values) not in (1, 2) or not all(isinstance(v, (int, np.integer)) and v > 0 for v in values):
        raise ArgumentError(who, f"{name} is {value!r}", "use a positive number, or (height, width)")
    return (int(values[0]), int(values[-1]))
