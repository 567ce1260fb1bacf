"""Images, under torchvision's names: ``tapegrad.vision.datasets`` and ``tapegrad.vision.transforms``."""

from . import datasets, models, transforms

__all__ = ["datasets", "models", "transforms"]
