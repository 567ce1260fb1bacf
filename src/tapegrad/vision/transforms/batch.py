"""Transforms that treat a whole batch of images as they treat one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from .basic import Compose, ConvertImageDtype, Grayscale, Normalize, PILToTensor, ToTensor
from .conversion import channel_values, unit_range
from .spatial import CenterCrop, Pad, Resize

__all__ = ["whole_batch"]

# Deterministic, and indifferent to dimensions before (channels, height, width). Subclasses may be neither.
_ON_TENSORS = {Normalize, ConvertImageDtype, CenterCrop, Pad, Resize, Grayscale}


def whole_batch(transform: Any) -> Callable[[np.ndarray], Tensor] | None:
    """Return a function from bytes (samples, height, width[, channels]) to the transformed batch.

    None when the transform has to see one image at a time: when it is random, a function of the user's, or made for PIL
    images.
    """
    first, *rest = _flat(transform)
    if type(first) not in (ToTensor, PILToTensor) or any(type(t) not in _ON_TENSORS for t in rest):
        return None

    def apply(images: np.ndarray) -> Tensor:
        pixels = np.ascontiguousarray(images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2))
        scaled = type(first) is ToTensor and pixels.dtype == np.uint8
        batch = wrap(unit_range(pixels) if scaled else pixels.copy())
        for t in rest:
            batch = _normalized(batch, t) if type(t) is Normalize else t(batch)
        return batch

    return apply


def _normalized(batch: Tensor, transform: Normalize) -> Tensor:
    """Normalise in place: the batch is nobody else's, and fresh memory costs more than the arithmetic."""
    centre, spread = channel_values(batch, transform.mean, transform.std)
    array = batch.array
    np.divide(np.subtract(array, centre, out=array), spread, out=array)
    return batch


def _flat(transform: Any) -> list:
    if type(transform) is not Compose:
        return [transform]
    return [inner for t in transform.transforms for inner in _flat(t)] or [None]
