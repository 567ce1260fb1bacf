"""Helpers around training, under PyTorch's names: ``tapegrad.utils.data``."""

from . import data

__all__ = ["data"]
