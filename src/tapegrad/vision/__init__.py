"""Images, under torchvision's names: datasets, transforms, networks, files, and operations on boxes and regions."""

from . import datasets, io, models, ops, transforms, utils

__all__ = ["datasets", "io", "models", "ops", "transforms", "utils"]
