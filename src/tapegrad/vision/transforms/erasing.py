"""A transform that blots out part of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import rng
from .spatial import WithChance

__all__ = ["RandomErasing"]


class RandomErasing(WithChance):
    """A random rectangle of a tensor replaced, with probability ``p``, by ``value``.

    The rectangle's area is drawn from ``scale`` times the image's, its height to width from ``ratio``; when ten draws do not
    fit, nothing is erased. ``value``: a number, one per channel, or ``"random"`` for normal noise.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomErasing.html
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ):
        super().__init__(p)
        if isinstance(value, str) and value != "random":
            raise ArgumentError("RandomErasing", f"value is {value!r}", "use a number, one per channel, or 'random'")
        if not 0 <= scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ArgumentError(
                "RandomErasing", f"scale is {scale}, ratio is {ratio}", "give (smallest, largest), areas within 0 and 1"
            )
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float], value: Any = None) -> tuple:
        """Return a random (top, left, height, width, value); the whole image when no rectangle fits."""
        channels, height, width = F.get_dimensions(img)
        stream = rng()
        for _ in range(10):
            area = height * width * stream.uniform(scale[0], scale[1])
            shape = math.exp(stream.uniform(math.log(ratio[0]), math.log(ratio[1])))
            h, w = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if h < height and w < width:
                filling = _filling(stream, value, channels, h, w, img.dtype)
                return int(stream.integers(height - h + 1)), int(stream.integers(width - w + 1)), h, w, filling
        return 0, 0, height, width, img

    def forward(self, img: Any) -> Any:
        if rng().random() >= self.p:
            return img
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, self.value), inplace=self.inplace)

    def extra_repr(self) -> str:
        detail = f"p={self.p}, scale={self.scale}, ratio={self.ratio}"
        return f"{detail}, value={self.value}, inplace={self.inplace}"


def _filling(stream: Any, value: Any, channels: int, height: int, width: int, dtype: Any) -> Any:
    """Return what a rectangle is filled with, as an array that fits in."""
    if value is None or (isinstance(value, str) and value == "random"):
        return stream.standard_normal((channels, height, width)).astype(dtype)
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(values) not in (1, channels):
        raise ArgumentError(
            "RandomErasing", f"value is {value!r} for {channels} channels", "give one, or one per channel"
        )
    return np.asarray(values, dtype=dtype)[:, None, None]
