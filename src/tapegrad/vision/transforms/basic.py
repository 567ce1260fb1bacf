"""Transforms that combine others, convert, and change colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, UsageError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import Transform, rng

__all__ = [
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "Grayscale",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "RandomApply",
    "RandomChoice",
    "RandomGrayscale",
    "RandomOrder",
    "ToPILImage",
    "ToTensor",
]


class Compose(Transform):
    """One transform after the other.

    >>> Compose([ToTensor(), Normalize((0.5,), (0.5,))])
    Compose(
        ToTensor()
        Normalize(mean=(0.5,), std=(0.5,))
    )
    """

    def __init__(self, transforms: Sequence[Callable]):
        super().__init__()
        self.transforms = transforms

    def forward(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class ToTensor(Transform):
    """See :func:`functional.to_tensor`: bytes from 0 to 255 become floats from 0 to 1.

    >>> ToTensor()(np.array([[0, 255]], dtype=np.uint8))
    tensor([[[0., 1.]]])
    """

    def forward(self, pic: Any) -> Any:
        return F.to_tensor(pic)


class PILToTensor(Transform):
    """See :func:`functional.pil_to_tensor`: the values stay as they are."""

    def forward(self, pic: Any) -> Any:
        return F.pil_to_tensor(pic)


class ToPILImage(Transform):
    """See :func:`functional.to_pil_image`."""

    def __init__(self, mode: str | None = None):
        super().__init__()
        self.mode = mode

    def forward(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def extra_repr(self) -> str:
        return "" if self.mode is None else f"mode={self.mode}"


class ConvertImageDtype(Transform):
    """See :func:`functional.convert_image_dtype`."""

    def __init__(self, dtype: Any):
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Any) -> Any:
        return F.convert_image_dtype(image, self.dtype)


class Normalize(Transform):
    """See :func:`functional.normalize`: (tensor - mean) / std, channel by channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False):
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Any) -> Any:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def extra_repr(self) -> str:
        return f"mean={self.mean}, std={self.std}"


class Lambda(Transform):
    """A function as a transform. Raises UsageError when it cannot be called.

    >>> Lambda(lambda x: 1 - x)(0.25)
    0.75
    """

    def __init__(self, lambd: Callable):
        super().__init__()
        if not callable(lambd):
            raise UsageError("Lambda", f"lambd is a {type(lambd).__name__}", "give a function")
        self.lambd = lambd

    def forward(self, img: Any) -> Any:
        return self.lambd(img)


class _Several(Transform):
    def __init__(self, transforms: Sequence[Callable]):
        super().__init__()
        if not hasattr(transforms, "__len__") or len(transforms) == 0:
            raise UsageError(type(self).__name__, f"transforms is {transforms!r}", "give a list of transforms")
        self.transforms = transforms

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class RandomApply(_Several):
    """All of the transforms, one after the other, with probability ``p``; else none."""

    def __init__(self, transforms: Sequence[Callable], p: float = 0.5):
        super().__init__(transforms)
        self.p = p

    def forward(self, img: Any) -> Any:
        if rng().random() >= self.p:
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    p={self.p}\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class RandomChoice(_Several):
    """One of the transforms, drawn evenly or with probabilities in proportion to ``p``."""

    def __init__(self, transforms: Sequence[Callable], p: Sequence[float] | None = None):
        super().__init__(transforms)
        if p is not None and (len(p) != len(transforms) or min(p) < 0 or not sum(p) > 0):
            raise ArgumentError(
                "RandomChoice", f"p is {p!r} for {len(transforms)} transforms", "give each one a weight"
            )
        self.p = p

    def forward(self, img: Any) -> Any:
        shares = None if self.p is None else np.asarray(self.p, dtype=float) / sum(self.p)
        return self.transforms[int(rng().choice(len(self.transforms), p=shares))](img)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


class RandomOrder(_Several):
    """All of the transforms in random order."""

    def forward(self, img: Any) -> Any:
        for i in rng().permutation(len(self.transforms)):
            img = self.transforms[i](img)
        return img


class Grayscale(Transform):
    """See :func:`functional.to_grayscale`."""

    def __init__(self, num_output_channels: int = 1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        return F.to_grayscale(img, self.num_output_channels)

    def extra_repr(self) -> str:
        return f"num_output_channels={self.num_output_channels}"


class RandomGrayscale(Transform):
    """Shades of grey with probability ``p``, with as many channels as before."""

    def __init__(self, p: float = 0.1):
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        if rng().random() >= self.p:
            return img
        return F.to_grayscale(img, F.get_image_num_channels(img))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    A number b means factors from max(0, 1 - b) to 1 + b (for the hue from -b to b), a pair the range itself.
    Raises ArgumentError for ranges that are negative, turned round, or for a hue outside [-0.5, 0.5].
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0):
        super().__init__()
        self.brightness = _range("brightness", brightness)
        self.contrast = _range("contrast", contrast)
        self.saturation = _range("saturation", saturation)
        self.hue = _range("hue", hue, centre=0.0, low=-0.5, high=0.5)

    @staticmethod
    def get_params(brightness: Any, contrast: Any, saturation: Any, hue: Any) -> tuple:
        """Return an order of the four changes and the factor of each (None where there is none)."""
        stream = rng()
        order = stream.permutation(4)
        ranges = (brightness, contrast, saturation, hue)
        return (order, *(None if r is None else float(stream.uniform(*r)) for r in ranges))

    def forward(self, img: Any) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            if factors[i] is not None:
                img = changes[i](img, factors[i])
        return img

    def extra_repr(self) -> str:
        names = ("brightness", "contrast", "saturation", "hue")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


def _range(
    name: str, value: Any, centre: float = 1.0, low: float = 0.0, high: float = math.inf
) -> tuple[float, float] | None:
    if isinstance(value, Sequence):
        bounds = tuple(float(v) for v in value)
        valid = len(bounds) == 2 and low <= bounds[0] <= bounds[1] <= high
    else:
        bounds = (centre - value if name == "hue" else max(centre - value, 0.0), centre + value)
        valid = value >= 0 and low <= bounds[0] <= bounds[1] <= high
    if not valid:
        raise ArgumentError(
            "ColorJitter", f"{name} is {value!r}", f"use a number, or a pair within {low:g} and {high:g}"
        )
    return None if bounds[0] == bounds[1] == centre else (bounds[0], bounds[1])
