"""Transforms that move pixels: sizes, crops, flips, rotations, borders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, UsageError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import InterpolationMode, Transform, as_mode, pair, rng

__all__ = [
    "CenterCrop",
    "FiveCrop",
    "Pad",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
]

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


class Resize(Transform):
    """See :func:`functional.resize`: to (height, width), or the shorter edge to one number.

    >>> import tapegrad as tg
    >>> Resize(4)(tg.zeros(3, 8, 16)).shape
    tapegrad.Size([3, 4, 8])
    """

    def __init__(
        self, size: Any, interpolation: Any = BILINEAR, max_size: int | None = None, antialias: bool | None = True
    ):
        super().__init__()
        pair("Resize", "size", size)
        self.size = size
        self.interpolation = as_mode("Resize", interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def extra_repr(self) -> str:
        detail = f"size={self.size}, interpolation={self.interpolation.value}"
        return f"{detail}, max_size={self.max_size}, antialias={self.antialias}"


class _Sized(Transform):
    def __init__(self, size: Any):
        super().__init__()
        self.size = pair(type(self).__name__, "size", size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


class CenterCrop(_Sized):
    """See :func:`functional.center_crop`."""

    def forward(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class FiveCrop(_Sized):
    """See :func:`functional.five_crop`."""

    def forward(self, img: Any) -> Any:
        return F.five_crop(img, self.size)


class TenCrop(_Sized):
    """See :func:`functional.ten_crop`."""

    def __init__(self, size: Any, vertical_flip: bool = False):
        super().__init__(size)
        self.vertical_flip = vertical_flip

    def forward(self, img: Any) -> Any:
        return F.ten_crop(img, self.size, self.vertical_flip)

    def extra_repr(self) -> str:
        return f"size={self.size}, vertical_flip={self.vertical_flip}"


class Pad(Transform):
    """See :func:`functional.pad`."""

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant"):
        super().__init__()
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode}"


class RandomCrop(_Sized):
    """A part of ``size`` at a random place, after adding borders.

    ``padding``: borders as in :func:`functional.pad`. ``pad_if_needed``: widen images that are too small.
    Raises ArgumentError for images that are smaller than the crop.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html

    >>> import tapegrad as tg
    >>> RandomCrop(28, padding=4)(tg.zeros(1, 28, 28)).shape
    tapegrad.Size([1, 28, 28])
    """

    def __init__(
        self, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0, padding_mode: str = "constant"
    ):
        super().__init__(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return a random (top, left, height, width)."""
        _, height, width = F.get_dimensions(img)
        tall, wide = output_size
        if tall > height or wide > width:
            raise ArgumentError(
                "RandomCrop",
                f"a crop of {output_size} from an image of {(height, width)}",
                "use padding, or resize before",
            )
        return int(rng().integers(height - tall + 1)), int(rng().integers(width - wide + 1)), tall, wide

    def bordered(self, img: Any) -> Any:
        """Return the image with the borders that it gets before it is cut."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed and (width < self.size[1] or height < self.size[0]):
            borders = [max(self.size[1] - width, 0), max(self.size[0] - height, 0)]
            img = F.pad(img, borders, self.fill, self.padding_mode)
        return img

    def forward(self, img: Any) -> Any:
        img = self.bordered(img)
        return F.crop(img, *self.get_params(img, self.size))

    def extra_repr(self) -> str:
        return f"size={self.size}, padding={self.padding}"


class RandomResizedCrop(_Sized):
    """A part of random area and shape, brought to ``size``.

    The area is drawn evenly from ``scale`` times the image's, the ratio of width to height evenly in its logarithm from
    ``ratio``; when ten draws do not fit, the middle of the image is taken.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomResizedCrop.html
    """

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ):
        super().__init__(size)
        if scale[0] > scale[1] or ratio[0] > ratio[1] or min(*scale, *ratio) <= 0:
            raise ArgumentError(
                "RandomResizedCrop", f"scale is {scale}, ratio is {ratio}", "give positive (smallest, largest) pairs"
            )
        self.scale = scale
        self.ratio = ratio
        self.interpolation = as_mode("RandomResizedCrop", interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Return a random (top, left, height, width)."""
        _, height, width = F.get_dimensions(img)
        stream = rng()
        for _ in range(10):
            area = height * width * stream.uniform(scale[0], scale[1])
            shape = math.exp(stream.uniform(math.log(ratio[0]), math.log(ratio[1])))
            w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < w <= width and 0 < h <= height:
                return int(stream.integers(height - h + 1)), int(stream.integers(width - w + 1)), h, w
        w, h = width, height
        if width / height < min(ratio):
            h = round(width / min(ratio))
        elif width / height > max(ratio):
            w = round(height * max(ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img: Any) -> Any:
        part = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *part, self.size, self.interpolation, self.antialias)

    def extra_repr(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in values) for values in (self.scale, self.ratio))
        detail = f"size={self.size}, scale={scale}, ratio={ratio}"
        return f"{detail}, interpolation={self.interpolation.value}, antialias={self.antialias}"


class WithChance(Transform):
    """The base of what happens with probability ``p``. Raises ArgumentError when that is no probability."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ArgumentError(type(self).__name__, f"p is {p}", "use a probability between 0 and 1")
        self.p = p

    def happens(self) -> bool:
        """Return whether it does, this time."""
        return bool(rng().random() < self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class RandomHorizontalFlip(WithChance):
    """Left and right exchanged with probability ``p``.

    >>> import tapegrad as tg
    >>> RandomHorizontalFlip(p=1.0)(tg.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """

    def forward(self, img: Any) -> Any:
        return F.hflip(img) if self.happens() else img


class RandomVerticalFlip(WithChance):
    """Top and bottom exchanged with probability ``p``."""

    def forward(self, img: Any) -> Any:
        return F.vflip(img) if self.happens() else img


def _symmetric(who: str, name: str, value: Any) -> list[float]:
    """Return [-value, value] of a number, or the pair itself."""
    if isinstance(value, Sequence):
        if len(value) != 2:
            raise ArgumentError(who, f"{name} is {value!r}", "give one number, or (smallest, largest)")
        return [float(v) for v in value]
    if value < 0:
        raise ArgumentError(who, f"{name} is {value}", "use a positive number, or (smallest, largest)")
    return [-float(value), float(value)]


class RandomRotation(Transform):
    """A rotation by an angle drawn evenly from ``degrees``, a pair or the number d for (-d, d). See :func:`functional.rotate`."""

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ):
        super().__init__()
        self.degrees = _symmetric("RandomRotation", "degrees", degrees)
        self.interpolation = as_mode("RandomRotation", interpolation)
        self.expand = expand
        self.center = center
        self.fill = fill

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Return a random angle."""
        return float(rng().uniform(degrees[0], degrees[1]))

    def forward(self, img: Any) -> Any:
        return F.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, self.fill)

    def extra_repr(self) -> str:
        detail = f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        return detail + ("" if self.center is None else f", center={self.center}") + f", fill={self.fill}"


class RandomAffine(Transform):
    """A random rotation, shift, scaling and shear. See :func:`functional.affine`.

    ``degrees``: a pair, or d for (-d, d). ``translate``: the largest shifts as shares of width and height.
    ``scale``: (smallest, largest). ``shear``: degrees along x, as a pair or a number, or a pair for x and one for y.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomAffine.html
    """

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: Any = NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ):
        super().__init__()
        self.degrees = _symmetric("RandomAffine", "degrees", degrees)
        if translate is not None and (len(translate) != 2 or not all(0 <= t <= 1 for t in translate)):
            raise ArgumentError("RandomAffine", f"translate is {translate!r}", "give two shares between 0 and 1")
        if scale is not None and (len(scale) != 2 or not 0 < scale[0] <= scale[1]):
            raise ArgumentError("RandomAffine", f"scale is {scale!r}", "give positive (smallest, largest)")
        self.translate = translate
        self.scale = scale
        self.shear = _shears(shear)
        self.interpolation = as_mode("RandomAffine", interpolation)
        self.fill = fill
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Return a random (angle, (right, down), scale, (shear x, shear y)); ``img_size`` is (width, height)."""
        stream = rng()
        angle = float(stream.uniform(degrees[0], degrees[1]))
        shift = (0, 0)
        if translate is not None:
            most = [float(share * size) for share, size in zip(translate, img_size, strict=True)]
            shift = (round(stream.uniform(-most[0], most[0])), round(stream.uniform(-most[1], most[1])))
        scale = 1.0 if scale_ranges is None else float(stream.uniform(scale_ranges[0], scale_ranges[1]))
        shear = (0.0, 0.0)
        if shears is not None:
            along_y = float(stream.uniform(shears[2], shears[3])) if len(shears) == 4 else 0.0
            shear = (float(stream.uniform(shears[0], shears[1])), along_y)
        return angle, shift, scale, shear

    def forward(self, img: Any) -> Any:
        parameters = self.get_params(self.degrees, self.translate, self.scale, self.shear, F.get_image_size(img))
        return F.affine(img, *parameters, interpolation=self.interpolation, fill=self.fill, center=self.center)

    def extra_repr(self) -> str:
        parts = [f"degrees={self.degrees}"]
        parts += [f"{n}={getattr(self, n)}" for n in ("translate", "scale", "shear") if getattr(self, n) is not None]
        if self.interpolation is not NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        parts += [f"fill={self.fill}"] if self.fill != 0 else []
        parts += [f"center={self.center}"] if self.center is not None else []
        return ", ".join(parts)


def _shears(shear: Any) -> list[float] | None:
    if shear is None:
        return None
    if isinstance(shear, Sequence) and len(shear) == 4:
        return [float(v) for v in shear]
    if isinstance(shear, Sequence) and len(shear) != 2:
        raise UsageError("RandomAffine", f"shear is {shear!r}", "give a number, a pair, or two pairs in a row")
    return _symmetric("RandomAffine", "shear", shear)
