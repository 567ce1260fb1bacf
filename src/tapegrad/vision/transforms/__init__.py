"""Transforms of images, under torchvision's names; they take PIL images and tensors (channels, height, width).

Random ones draw from :func:`rng`, so that within a DataLoader what happens to a sample depends on the seed, the epoch and
the sample's place alone.
"""

from . import functional
from .base import InterpolationMode, Transform, rng
from .basic import (
    ColorJitter,
    Compose,
    ConvertImageDtype,
    Grayscale,
    Lambda,
    Normalize,
    PILToTensor,
    RandomApply,
    RandomChoice,
    RandomGrayscale,
    RandomOrder,
    ToPILImage,
    ToTensor,
)
from .batch import tensor_batch, whole_batch
from .erasing import RandomErasing
from .points import RandomPointRotation
from .spatial import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    TenCrop,
)

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomPointRotation",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
    "Transform",
    "functional",
    "rng",
    "tensor_batch",
    "whole_batch",
]
