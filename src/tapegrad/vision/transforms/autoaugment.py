"""Policies of augmentation: AutoAugment, RandAugment, TrivialAugment and AugMix."""

from __future__ import annotations

import enum
import math
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError
from . import functional as F  # noqa: N812 - the field's name for it
from .base import InterpolationMode, Transform, image_array, is_pil, rng
from .policies import CHANGES, CIFAR10, IMAGENET, SVHN, Policy

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
# Magnitudes of an operation, and whether each may be negative as well; None where it has none.
Space = dict[str, tuple[np.ndarray | None, bool]]


class AutoAugmentPolicy(enum.Enum):
    """The data set that a policy was learned on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


_POLICIES: dict[AutoAugmentPolicy, list[Policy]] = {
    AutoAugmentPolicy.IMAGENET: IMAGENET,
    AutoAugmentPolicy.CIFAR10: CIFAR10,
    AutoAugmentPolicy.SVHN: SVHN,
}


def _space(
    bins: int, shift: tuple[float, float], shear: float = 0.3, angle: float = 30.0, change: float = 0.9
) -> Space:
    """Return the operations with magnitudes from nothing to the strongest; ``shift`` is along x and y, in pixels."""
    signed = {"ShearX": shear, "ShearY": shear, "TranslateX": shift[0], "TranslateY": shift[1], "Rotate": angle}
    signed |= dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), change)
    space: Space = {name: (np.linspace(0.0, most, bins, dtype=np.float32), True) for name, most in signed.items()}
    space["Solarize"] = (np.linspace(255.0, 0.0, bins, dtype=np.float32), False)
    return space | {"AutoContrast": (None, False), "Equalize": (None, False)}


def _bits(bins: int, most: int = 8, lost: int = 4) -> tuple[np.ndarray, bool]:
    """Return how many bits Posterize keeps: ``lost`` fewer than ``most`` at the strongest."""
    return most - np.rint(np.arange(bins) / ((bins - 1) / lost)).astype(np.int64), False


def _applied(img: Any, name: str, magnitude: float, interpolation: Any, fill: Any) -> Any:
    if name == "Identity":
        return img
    if name in CHANGES:
        return CHANGES[name](img, magnitude)
    if name == "Rotate":
        return F.rotate(img, magnitude, interpolation=interpolation, fill=fill)
    shear, shift, center = [0.0, 0.0], [0, 0], None
    if name.startswith("Shear"):
        # About the corner, by the pixels for each row that the magnitude says.
        shear[name == "ShearY"] = math.degrees(math.atan(magnitude))
        center = [0, 0]
    else:
        shift[name == "TranslateY"] = int(magnitude)
    return F.affine(img, 0.0, shift, 1.0, shear, interpolation=interpolation, fill=fill, center=center)


class _Augment(Transform):
    def __init__(self, interpolation: Any, fill: Any):
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill

    def _apply(self, img: Any, name: str, magnitude: float) -> Any:
        fill = self.fill
        if fill is not None and not hasattr(fill, "__len__"):
            fill = [float(fill)] * F.get_image_num_channels(img)
        return _applied(img, name, magnitude, self.interpolation, fill)

    def _size(self, img: Any) -> tuple[int, int]:
        _, height, width = F.get_dimensions(img)
        return height, width


def _signed(magnitude: float, signed: bool) -> float:
    return -magnitude if signed and rng().integers(2) else magnitude


class AutoAugment(_Augment):
    """Two operations in a row, drawn from the 25 pairs that were learned on a data set.

    ``policy``: an :class:`AutoAugmentPolicy`. ``fill``: the value of what lies outside. Tensors must be of uint8.
    Source: E. Cubuk et al., "AutoAugment" (2019), arXiv:1805.09501;
    https://pytorch.org/vision/stable/generated/torchvision.transforms.AutoAugment.html
    """

    def __init__(
        self, policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET, interpolation: Any = NEAREST, fill: Any = None
    ):
        super().__init__(interpolation, fill)
        self.policy = policy
        self.policies = _POLICIES[AutoAugmentPolicy(policy)]

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Space:
        shift = (150.0 / 331.0 * image_size[1], 150.0 / 331.0 * image_size[0])
        return _space(num_bins, shift) | {"Posterize": _bits(num_bins), "Invert": (None, False)}

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, np.ndarray, np.ndarray]:
        """Return the number of a pair, a random number from 0 to 1 for each of the two, and a sign for each (0 or 1)."""
        stream = rng()
        return int(stream.integers(transform_num)), stream.random(2), stream.integers(0, 2, 2)

    def forward(self, img: Any) -> Any:
        space = self._augmentation_space(10, self._size(img))
        number, chances, signs = self.get_params(len(self.policies))
        for (name, p, strength), chance, sign in zip(self.policies[number], chances, signs, strict=True):
            if chance <= p:
                magnitudes, signed = space[name]
                magnitude = 0.0 if magnitudes is None or strength is None else float(magnitudes[strength])
                img = self._apply(img, name, -magnitude if signed and sign == 0 else magnitude)
        return img

    def extra_repr(self) -> str:
        return f"policy={self.policy}, fill={self.fill}"


class RandAugment(_Augment):
    """``num_ops`` random operations, all of the same strength: number ``magnitude`` of ``num_magnitude_bins``.

    Source: E. Cubuk et al., "RandAugment" (2020), arXiv:1909.13719;
    https://pytorch.org/vision/stable/generated/torchvision.transforms.RandAugment.html
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = NEAREST,
        fill: Any = None,
    ):
        super().__init__(interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Space:
        shift = (150.0 / 331.0 * image_size[1], 150.0 / 331.0 * image_size[0])
        return {"Identity": (None, False)} | _space(num_bins, shift) | {"Posterize": _bits(num_bins)}

    def forward(self, img: Any) -> Any:
        space = self._augmentation_space(self.num_magnitude_bins, self._size(img))
        names = list(space)
        for _ in range(self.num_ops):
            name = names[int(rng().integers(len(names)))]
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None else float(magnitudes[self.magnitude])
            img = self._apply(img, name, _signed(magnitude, signed))
        return img

    def extra_repr(self) -> str:
        names = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class TrivialAugmentWide(_Augment):
    """One random operation of random strength.

    Source: S. Müller, F. Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation" (2021),
    arXiv:2103.10158; https://pytorch.org/vision/stable/generated/torchvision.transforms.TrivialAugmentWide.html
    """

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Any = NEAREST, fill: Any = None):
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def _augmentation_space(self, num_bins: int) -> Space:
        strong = _space(num_bins, (32.0, 32.0), shear=0.99, angle=135.0, change=0.99)
        return {"Identity": (None, False)} | strong | {"Posterize": _bits(num_bins, lost=6)}

    def forward(self, img: Any) -> Any:
        space = self._augmentation_space(self.num_magnitude_bins)
        name = list(space)[int(rng().integers(len(space)))]
        magnitudes, signed = space[name]
        magnitude = 0.0 if magnitudes is None else float(magnitudes[int(rng().integers(len(magnitudes)))])
        return self._apply(img, name, _signed(magnitude, signed))

    def extra_repr(self) -> str:
        names = ("num_magnitude_bins", "interpolation", "fill")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class AugMix(_Augment):
    """An image mixed with ``mixture_width`` others made from it by chains of up to three random operations.

    ``severity``: the strongest magnitude, from 1 to 10. ``chain_depth``: operations in a chain, random below 1. ``alpha``: of
    the Beta and Dirichlet distributions that the shares are drawn from. ``all_ops``: change colours and sharpness as well.
    Source: D. Hendrycks et al., "AugMix" (2020), arXiv:1912.02781;
    https://pytorch.org/vision/stable/generated/torchvision.transforms.AugMix.html
    """

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = BILINEAR,
        fill: Any = None,
    ):
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ArgumentError("AugMix", f"severity is {severity}", "use 1 to 10")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Space:
        space = _space(num_bins, (image_size[1] / 3.0, image_size[0] / 3.0)) | {"Posterize": _bits(num_bins, most=4)}
        colours = () if self.all_ops else ("Brightness", "Color", "Contrast", "Sharpness")
        return {name: entry for name, entry in space.items() if name not in colours}

    def forward(self, img: Any) -> Any:
        image = F.pil_to_tensor(img) if is_pil(img) else img
        array = image_array("AugMix", image)
        space = self._augmentation_space(10, self._size(image))
        stream = rng()
        kept, changed = stream.dirichlet([self.alpha] * 2)
        mixed = kept * array.astype(np.float32)
        for share in stream.dirichlet([self.alpha] * self.mixture_width):
            mixed += np.float32(share * changed) * self._chain(image, space).array
        out = wrap(mixed.astype(array.dtype))
        return F.to_pil_image(out, mode=img.mode) if is_pil(img) else out

    def _chain(self, image: Tensor, space: Space) -> Tensor:
        names = list(space)
        depth = self.chain_depth if self.chain_depth > 0 else int(rng().integers(1, 4))
        for _ in range(depth):
            name = names[int(rng().integers(len(names)))]
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None else float(magnitudes[int(rng().integers(self.severity))])
            image = self._apply(image, name, _signed(magnitude, signed))
        return image

    def extra_repr(self) -> str:
        names = ("severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)
