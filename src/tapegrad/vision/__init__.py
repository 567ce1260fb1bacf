"""Images, under torchvision's names: ``tapegrad.vision.datasets`` and ``tapegrad.vision.transforms``."""

from . import datasets, transforms

__all__ = ["datasets", "transforms"]
