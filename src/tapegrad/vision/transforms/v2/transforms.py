"""Transforms that torchvision has in its second version alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core import Tensor, wrap
from ....errors import ArgumentError, UsageError
from ..base import InterpolationMode, Transform, is_pil, rng
from ..basic import ColorJitter
from ..spatial import WithChance
from . import functional as F  # noqa: N812 - the field's name for it

__all__ = [
    "RGB",
    "GaussianNoise",
    "Identity",
    "RandomChannelPermutation",
    "RandomPhotometricDistort",
    "RandomZoomOut",
    "ScaleJitter",
    "ToDtype",
    "ToImage",
    "ToPureTensor",
]


class Identity(Transform):
    """The image as it is."""

    def forward(self, img: Any) -> Any:
        return img


class ToPureTensor(Identity):
    """The image as it is: here all tensors are plain ones."""


class ToImage(Transform):
    """See :func:`functional.to_image`: a PIL image or an array as a tensor of the same values."""

    def forward(self, inpt: Any) -> Tensor:
        return F.to_image(inpt)


class ToDtype(Transform):
    """See :func:`functional.to_dtype`: images in another dtype, with ``scale`` in its range as well.

    >>> import tapegrad as tg
    >>> ToDtype(tg.float32, scale=True)(tg.tensor([[[255]]], dtype="uint8"))
    tensor([[[1.]]])
    """

    def __init__(self, dtype: Any, scale: bool = False):
        super().__init__()
        self.dtype = dtype
        self.scale = scale

    def forward(self, inpt: Any) -> Any:
        return F.to_dtype(inpt, self.dtype, self.scale) if isinstance(inpt, Tensor) else inpt

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


class RGB(Transform):
    """Images in three channels: grey ones three times the same."""

    def forward(self, inpt: Any) -> Any:
        if is_pil(inpt):
            return inpt.convert("RGB")
        return wrap(np.repeat(inpt.array, 3, axis=-3)) if inpt.shape[-3] == 1 else inpt


class GaussianNoise(Transform):
    """A float image plus noise from N(mean, sigma²), with ``clip`` kept within 0 and 1.

    Raises UsageError for other images, ArgumentError for a negative deviation.
    """

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True):
        super().__init__()
        if sigma < 0:
            raise ArgumentError("GaussianNoise", f"sigma is {sigma}", "use 0 or more")
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def forward(self, inpt: Tensor) -> Tensor:
        if not isinstance(inpt, Tensor) or inpt.array.dtype.kind != "f":
            raise UsageError(
                "GaussianNoise", "the image is no tensor of floats", "use ToDtype(float32, scale=True) before"
            )
        noisy = inpt.array + rng().normal(self.mean, self.sigma, inpt.shape).astype(inpt.dtype)
        return wrap(np.clip(noisy, 0, 1) if self.clip else noisy)

    def extra_repr(self) -> str:
        return f"mean={self.mean}, sigma={self.sigma}, clip={self.clip}"


class RandomChannelPermutation(Transform):
    """A tensor's channels in random order."""

    def forward(self, inpt: Tensor) -> Tensor:
        return wrap(inpt.array.take(rng().permutation(inpt.shape[-3]), axis=-3))


class RandomPhotometricDistort(Transform):
    """Brightness, contrast, saturation, hue and the order of channels, each changed with probability ``p``.

    The contrast is changed before saturation and hue, or after them. Each pair is the range that a factor is drawn from.
    Source: W. Liu et al., "SSD: Single Shot MultiBox Detector" (2016), arXiv:1512.02325
    """

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ):
        super().__init__()
        # Holds that the ranges are such.
        ColorJitter(brightness, contrast, saturation, hue)
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.p = p

    def forward(self, img: Any) -> Any:
        stream = rng()
        late = bool(stream.integers(2))
        middle = [(F.adjust_saturation, self.saturation), (F.adjust_hue, self.hue)]
        contrast = [(F.adjust_contrast, self.contrast)]
        changes = [(F.adjust_brightness, self.brightness), *(middle + contrast if late else contrast + middle)]
        for change, bounds in changes:
            if stream.random() < self.p:
                img = change(img, float(stream.uniform(*bounds)))
        if stream.random() < self.p and F.get_image_num_channels(img) > 1:
            shuffled = RandomChannelPermutation()(F.to_image(img))
            img = F.to_pil_image(shuffled, mode=img.mode) if is_pil(img) else shuffled
        return img

    def extra_repr(self) -> str:
        names = ("brightness", "contrast", "saturation", "hue", "p")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class RandomZoomOut(WithChance):
    """The image on a canvas of ``fill`` that is larger by a factor from ``side_range``, with probability ``p``."""

    def __init__(self, fill: Any = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5):
        super().__init__(p)
        if len(side_range) != 2 or not 1 <= side_range[0] <= side_range[1]:
            raise ArgumentError(
                "RandomZoomOut", f"side_range is {side_range!r}", "give (smallest, largest), at least 1"
            )
        self.fill = fill
        self.side_range = side_range

    def forward(self, img: Any) -> Any:
        if not self.happens():
            return img
        _, height, width = F.get_dimensions(img)
        stream = rng()
        factor = float(stream.uniform(self.side_range[0], self.side_range[1]))
        tall, wide = int(height * factor), int(width * factor)
        left, top = int((wide - width) * stream.random()), int((tall - height) * stream.random())
        return F.pad(img, [left, top, wide - width - left, tall - height - top], fill=self.fill)

    def extra_repr(self) -> str:
        return f"p={self.p}, fill={self.fill}, side_range={list(self.side_range)}"


class ScaleJitter(Transform):
    """The image at the size at which it fits into ``target_size`` (height, width), times a factor from ``scale_range``."""

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: tuple[float, float] = (0.1, 2.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ):
        super().__init__()
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        factor = float(rng().uniform(*self.scale_range))
        ratio = min(self.target_size[0] / height, self.target_size[1] / width) * factor
        size = [max(int(height * ratio), 1), max(int(width * ratio), 1)]
        return F.resize(img, size, interpolation=self.interpolation, antialias=self.antialias)

    def extra_repr(self) -> str:
        detail = f"target_size={self.target_size}, scale_range={self.scale_range}"
        return f"{detail}, interpolation={self.interpolation}, antialias={self.antialias}"
