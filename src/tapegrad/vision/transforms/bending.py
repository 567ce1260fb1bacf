"""Transforms that bend images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import InterpolationMode, Transform, as_mode, is_pil, rng
from .spatial import WithChance

__all__ = ["ElasticTransform", "RandomPerspective"]

BILINEAR = InterpolationMode.BILINEAR


class RandomPerspective(WithChance):
    """An image as seen from a random side, with probability ``p``. See :func:`functional.perspective`.

    Each corner moves inwards by at most half of ``distortion_scale`` times width and height.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomPerspective.html
    """

    def __init__(self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = BILINEAR, fill: Any = 0):
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ArgumentError("RandomPerspective", f"distortion_scale is {distortion_scale}", "use 0 to 1")
        self.distortion_scale = distortion_scale
        self.interpolation = as_mode("RandomPerspective", interpolation)
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """Return the corners, from the top left one clockwise, and where they move."""
        across, down = (int(distortion_scale * (n // 2)) for n in (width, height))
        corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        stream = rng()
        moved = []
        for x, y in corners:
            right, below = int(stream.integers(across + 1)), int(stream.integers(down + 1))
            moved.append([right if x == 0 else x - right, below if y == 0 else y - below])
        return corners, moved

    def forward(self, img: Any) -> Any:
        if not self.happens():
            return img
        _, height, width = F.get_dimensions(img)
        points = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, *points, self.interpolation, self.fill)


class ElasticTransform(Transform):
    """An image seen as through water: each pixel is read a smooth random way off. See :func:`functional.elastic_transform`.

    ``alpha``: how far, ``sigma``: how smooth, each a number or one for x and one for y; in pixels, about.
    Raises ArgumentError for other lengths and negative deviations.
    Source: P. Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis" (2003);
    https://pytorch.org/vision/stable/generated/torchvision.transforms.ElasticTransform.html
    """

    def __init__(self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = BILINEAR, fill: Any = 0):
        super().__init__()
        self.alpha = _both("alpha", alpha)
        self.sigma = _both("sigma", sigma)
        if min(self.sigma) < 0:
            raise ArgumentError("ElasticTransform", f"sigma is {sigma!r}", "use 0 or more")
        self.interpolation = as_mode("ElasticTransform", interpolation)
        self.fill = [float(v) for v in fill] if isinstance(fill, Sequence) else [float(fill)]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """Return a random displacement (1, height, width, 2) for an image of ``size`` (height, width)."""
        parts = []
        for strength, smooth, length in zip(alpha, sigma, size, strict=True):
            noise = wrap(rng().uniform(-1, 1, (1, 1, *size)).astype(np.float32))
            if smooth > 0:
                # Four deviations to each side, and the pixel itself.
                kernel = int(8 * smooth + 1) | 1
                noise = F.gaussian_blur(noise, [kernel, kernel], [smooth, smooth])
            parts.append(noise.array[0, 0] * (strength / length))
        return wrap(np.stack(parts, axis=-1)[None].astype(np.float32))

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        fill = self.fill
        if is_pil(img) and len(fill) == 1:
            fill = fill * len(img.getbands())
        return F.elastic_transform(img, displacement, self.interpolation, fill)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, fill={self.fill}"


def _both(name: str, value: Any) -> list[float]:
    values = [float(v) for v in value] if isinstance(value, Sequence) else [float(value)]
    if len(values) not in (1, 2):
        raise ArgumentError("ElasticTransform", f"{name} is {value!r}", "give one number, or two")
    return values * 2 if len(values) == 1 else values
