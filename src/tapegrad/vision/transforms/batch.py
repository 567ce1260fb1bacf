"""Transforms that treat a whole batch of images as they treat one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...ops.generator import Generator, use_generator
from ...utils.data.randomness import sample_generators
from .basic import Compose, ConvertImageDtype, Grayscale, Normalize, PILToTensor, ToTensor
from .conversion import channel_values, unit_range
from .spatial import CenterCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomVerticalFlip, Resize

__all__ = ["tensor_batch", "whole_batch"]


def _cropped(crop: RandomCrop, batch: Tensor, generators: Sequence[Generator]) -> Tensor:
    batch = crop.bordered(batch)
    places = np.array([_drawn(g, lambda: crop.get_params(batch, crop.size)) for g in generators])
    windows = np.lib.stride_tricks.sliding_window_view(batch.array, crop.size, axis=(-2, -1))
    return wrap(windows[np.arange(len(places)), :, places[:, 0], places[:, 1]])


def _mirrored(flip: Any, batch: Tensor, generators: Sequence[Generator], axis: int) -> Tensor:
    chosen = np.array([_drawn(g, flip.happens) for g in generators])
    return wrap(np.where(chosen[:, None, None, None], np.flip(batch.array, axis), batch.array))


def _drawn(generator: Generator, draw: Callable[[], Any]) -> Any:
    with use_generator(generator):
        return draw()


# Deterministic, and indifferent to dimensions before (channels, height, width). Subclasses may be neither.
_ON_TENSORS = {Normalize, ConvertImageDtype, CenterCrop, Pad, Resize, Grayscale}
# Random, but pixels only change places: each sample draws from its own generator what it would draw alone.
_MOVES: dict[type, Callable[[Any, Tensor, Sequence[Generator]], Tensor]] = {
    RandomCrop: _cropped,
    RandomHorizontalFlip: lambda flip, batch, generators: _mirrored(flip, batch, generators, -1),
    RandomVerticalFlip: lambda flip, batch, generators: _mirrored(flip, batch, generators, -2),
}


def tensor_batch(transforms: Iterable[Any]) -> Callable[[Tensor], Any] | None:
    """Return a function that does to a batch (samples, channels, height, width) what the transforms do to each image.

    It may write into the batch, and returns NotImplemented where a random transform has no generator for each sample, as it
    has when a DataLoader reads a batch at once. None when a transform has to see one image at a time.
    """
    flat = [inner for t in transforms for inner in _flat(t)]
    if any(type(t) not in _ON_TENSORS and type(t) not in _MOVES for t in flat):
        return None
    return functools.partial(_transformed, flat)


def whole_batch(transform: Any) -> Callable[[np.ndarray], Any] | None:
    """Return a function from bytes (samples, height, width[, channels]) to the transformed batch.

    None when the transform has to see one image at a time: when it is a function of the user's, made for PIL images, or random
    and more than crops and flips. For random ones the function may return NotImplemented, see :func:`tensor_batch`.
    """
    flat = _flat(transform)
    place = next((i for i, t in enumerate(flat) if type(t) in _TO_TENSOR), None)
    if place is None or not all(_moves_bytes(t) for t in flat[:place]) or tensor_batch(flat[place + 1 :]) is None:
        return None

    def apply(images: np.ndarray) -> Any:
        channels_first = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        return _transformed(flat, wrap(np.ascontiguousarray(channels_first)))

    return apply


def _moves_bytes(transform: Any) -> bool:
    """Return whether a transform does to the bytes of images what it does to PIL images."""
    if type(transform) is RandomCrop:
        return type(transform.fill) is int and 0 <= transform.fill <= 255
    return type(transform) in _MOVES


def _transformed(transforms: Sequence[Any], batch: Tensor) -> Any:
    generators = sample_generators(len(batch)) if any(type(t) in _MOVES for t in transforms) else []
    if generators is None:
        return NotImplemented
    for t in transforms:
        if type(t) in _MOVES:
            batch = _MOVES[type(t)](t, batch, generators)
        elif type(t) in _IN_PLACE_OF:
            batch = _IN_PLACE_OF[type(t)](t, batch)
        else:
            batch = t(batch)
    return batch


def _to_tensor(transform: Any, batch: Tensor) -> Tensor:
    pixels = batch.array
    scaled = type(transform) is ToTensor and pixels.dtype == np.uint8
    return wrap(unit_range(pixels) if scaled else pixels.copy())


def _normalized(transform: Normalize, batch: Tensor) -> Tensor:
    """Normalise in place: the batch is nobody else's, and fresh memory costs more than the arithmetic."""
    centre, spread = channel_values(batch, transform.mean, transform.std)
    array = batch.array
    np.divide(np.subtract(array, centre, out=array), spread, out=array)
    return batch


# What is done otherwise to a batch than to an image.
_IN_PLACE_OF: dict[type, Callable[[Any, Tensor], Tensor]] = {
    ToTensor: _to_tensor,
    PILToTensor: _to_tensor,
    Normalize: _normalized,
}
_TO_TENSOR = (ToTensor, PILToTensor)


def _flat(transform: Any) -> list:
    if type(transform) is not Compose:
        return [transform]
    return [inner for t in transform.transforms for inner in _flat(t)]
