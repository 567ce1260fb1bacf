"""Transforms that change tones and sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, ShapeError, UsageError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import Transform, rng
from .spatial import WithChance

__all__ = [
    "GaussianBlur",
    "LinearTransformation",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]


class RandomInvert(WithChance):
    """The negative of an image, with probability ``p``. See :func:`functional.invert`."""

    def forward(self, img: Any) -> Any:
        return F.invert(img) if self.happens() else img


class RandomPosterize(WithChance):
    """The first ``bits`` bits of each value alone, with probability ``p``. See :func:`functional.posterize`."""

    def __init__(self, bits: int, p: float = 0.5):
        super().__init__(p)
        self.bits = bits

    def forward(self, img: Any) -> Any:
        return F.posterize(img, self.bits) if self.happens() else img

    def extra_repr(self) -> str:
        return f"bits={self.bits},p={self.p}"


class RandomSolarize(WithChance):
    """Values from ``threshold`` on inverted, with probability ``p``. See :func:`functional.solarize`."""

    def __init__(self, threshold: float, p: float = 0.5):
        super().__init__(p)
        self.threshold = threshold

    def forward(self, img: Any) -> Any:
        return F.solarize(img, self.threshold) if self.happens() else img

    def extra_repr(self) -> str:
        return f"threshold={self.threshold},p={self.p}"


class RandomAdjustSharpness(WithChance):
    """A sharper or smoother image, with probability ``p``. See :func:`functional.adjust_sharpness`."""

    def __init__(self, sharpness_factor: float, p: float = 0.5):
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def forward(self, img: Any) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor) if self.happens() else img

    def extra_repr(self) -> str:
        return f"sharpness_factor={self.sharpness_factor},p={self.p}"


class RandomAutocontrast(WithChance):
    """Values stretched to the whole range, with probability ``p``. See :func:`functional.autocontrast`."""

    def forward(self, img: Any) -> Any:
        return F.autocontrast(img) if self.happens() else img


class RandomEqualize(WithChance):
    """Values spread so that all are about as frequent, with probability ``p``. See :func:`functional.equalize`."""

    def forward(self, img: Any) -> Any:
        return F.equalize(img) if self.happens() else img


class GaussianBlur(Transform):
    """A smoothed image, of a deviation drawn evenly from ``sigma``. See :func:`functional.gaussian_blur`.

    ``kernel_size``: odd, a number or one for the height and one for the width; ``sigma``: (smallest, largest) or a number.
    Raises ArgumentError for other numbers.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.GaussianBlur.html

    >>> GaussianBlur(3)
    GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)):
        super().__init__()
        sizes = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
        sizes = sizes * 2 if len(sizes) == 1 else sizes
        if len(sizes) != 2 or any(k <= 0 or k % 2 == 0 for k in sizes):
            raise ArgumentError("GaussianBlur", f"kernel_size is {kernel_size!r}", "use odd, positive numbers")
        spread = tuple(sigma) if isinstance(sigma, Sequence) else (sigma, sigma)
        if len(spread) != 2 or not 0 < spread[0] <= spread[1]:
            raise ArgumentError("GaussianBlur", f"sigma is {sigma!r}", "use a positive number, or (smallest, largest)")
        self.kernel_size = sizes
        self.sigma = spread

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Return a random deviation."""
        return float(rng().uniform(sigma_min, sigma_max))

    def forward(self, img: Any) -> Any:
        sigma = self.get_params(*self.sigma)
        # torchvision hands its (height, width) on as (x, y).
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, sigma={self.sigma}"


class LinearTransformation(Transform):
    """(image as a row - mean_vector) · transformation_matrix, in the image's shape: whitening, for example.

    ``transformation_matrix``: (D, D), ``mean_vector``: (D,), for tensors (..., C, H, W) with C · H · W = D.
    Raises ArgumentError for other shapes, UsageError for images that are no tensors.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.LinearTransformation.html

    >>> import tapegrad as tg
    >>> LinearTransformation(2 * tg.eye(2), tg.ones(2))(tg.tensor([[[3.0, 4.0]]]))
    tensor([[[4., 6.]]])
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor):
        super().__init__()
        size = transformation_matrix.shape[0]
        if tuple(transformation_matrix.shape) != (size, size) or tuple(mean_vector.shape) != (size,):
            shapes = f"{tuple(transformation_matrix.shape)} and {tuple(mean_vector.shape)}"
            raise ArgumentError("LinearTransformation", f"matrix and mean have shapes {shapes}", "give (D, D) and (D,)")
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise UsageError("LinearTransformation", f"the image is a {type(tensor).__name__}", "use ToTensor() before")
        shape = tuple(tensor.shape)
        size = len(self.mean_vector)
        if int(np.prod(shape[-3:])) != size:
            raise ShapeError("LinearTransformation", f"an image of {shape[-3:]} for {size} numbers", "resize it before")
        rows = tensor.array.reshape(-1, size) - self.mean_vector.array
        return wrap((rows @ self.transformation_matrix.array).reshape(shape).astype(tensor.dtype, copy=False))

    def extra_repr(self) -> str:
        matrix, mean = self.transformation_matrix.tolist(), self.mean_vector.tolist()
        return f"transformation_matrix={matrix}, mean_vector={mean}"
