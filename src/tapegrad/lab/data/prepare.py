"""From samples as they are in files to what a network gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DataError
from .sets import Part, Sets
from .source import Samples, Source

if TYPE_CHECKING:
    from ..schema import Standardize

__all__ = ["prepare"]

# Images are measured so many at a time, which keeps the squares small.
_CHUNK = 1024


def prepare(name: str, source: Source, standardize: bool | Standardize, target_scale: float | None, dtype: str) -> Sets:
    """Return the parts as floats, standardised, with the targets that the loss wants."""
    statistics: dict[str, Any] = {}
    fill = _column_means(name, source)
    shift = _measure(source, standardize, fill)
    if shift is not None:
        statistics["mean"], statistics["std"] = (v.tolist() if isinstance(v, np.ndarray) else v for v in shift)
    if source.invert:
        statistics["inverted"] = True
    if fill is not None:
        statistics["filled"] = fill.tolist()
    if target_scale is not None:
        statistics["target_scale"] = target_scale
    if source.columns is not None:
        statistics["columns"] = list(source.columns)
    statistics.update(source.notes)
    parts = {
        part: None if samples is None else _part(source, samples, shift, fill, target_scale, np.dtype(dtype))
        for part, samples in (("train", source.train), ("valid", source.valid), ("test", source.test))
    }
    assert parts["train"] is not None
    task = "regression" if target_scale is not None else source.task
    return Sets(
        name,
        task,
        parts["train"],
        parts["valid"],
        parts["test"],
        source.classes,
        source.files,
        statistics,
        source.split_off,
    )


def _column_means(name: str, source: Source) -> np.ndarray | None:
    """Return the means of the columns without what is missing, or None where nothing is."""
    if not source.may_lack:
        return None
    parts = [part for part in (source.train, source.valid, source.test) if part is not None]
    if not any(np.isnan(part.inputs).any() for part in parts):
        return None
    known = ~np.isnan(source.train.inputs)
    if not known.any(axis=0).all():
        column = (source.columns or [])[int(known.any(axis=0).argmin())]
        raise DataError(name, f"column '{column}' has no value in the training part", "drop it")
    return np.where(known, source.train.inputs, 0.0).sum(axis=0) / known.sum(axis=0)


def _measure(source: Source, standardize: bool | Standardize, fill: np.ndarray | None) -> tuple[Any, Any] | None:
    """Return what to subtract and what to divide by, or None."""
    if standardize is False:
        return None
    given = (None, None) if standardize is True else (standardize.mean, standardize.std)
    if None not in given:
        return given
    measured = _of_images(source) if source.kind == "images" else _of_columns(source, fill)
    return tuple(m if g is None else g for g, m in zip(given, measured, strict=True))  # type: ignore[return-value]


def _of_images(source: Source) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels, exact: bytes are summed as whole numbers."""
    inputs = source.train.inputs
    total = squares = 0
    for start in range(0, len(inputs), _CHUNK):
        chunk = inputs[start : start + _CHUNK].astype(np.int64)
        total += int(chunk.sum())
        squares += int((chunk * chunk).sum())
    mean = total / inputs.size
    std = (squares / inputs.size - mean * mean) ** 0.5 / source.peak
    mean = mean / source.peak
    return (1.0 - mean if source.invert else mean), (std if std > 0 else 1.0)


def _of_columns(source: Source, fill: np.ndarray | None) -> tuple[Any, Any]:
    """Return mean and standard deviation of each column; a constant one is only shifted."""
    inputs = _filled(source.train.inputs, fill).astype(np.float64)
    if inputs.ndim > 2:
        std = float(inputs.std())
        return float(inputs.mean()), std if std > 0 else 1.0
    std = inputs.std(axis=0)
    return inputs.mean(axis=0), np.where(std > 0, std, 1.0)


def _filled(inputs: np.ndarray, fill: np.ndarray | None) -> np.ndarray:
    return inputs if fill is None else np.where(np.isnan(inputs), fill, inputs)


def _part(
    source: Source,
    samples: Samples,
    shift: tuple[Any, Any] | None,
    fill: np.ndarray | None,
    target_scale: float | None,
    dtype: np.dtype,
) -> Part:
    pictures = None
    if source.kind == "images":
        inputs = _channels_first(samples.inputs, source, dtype)
        pictures = samples.inputs if source.peak == 255 else _stretched(samples.inputs, source.peak)
        if shift is not None:
            inputs -= dtype.type(shift[0])
            inputs /= dtype.type(shift[1])
    else:
        values = _filled(samples.inputs, fill)
        inputs = (values if shift is None else (values - shift[0]) / shift[1]).astype(dtype)
    return Part(inputs, _targets(samples.labels, target_scale, dtype), samples.labels, samples.index, pictures)


def _channels_first(pixels: np.ndarray, source: Source, dtype: np.dtype) -> np.ndarray:
    moved = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    if source.invert:
        moved = np.uint8(source.peak) - moved
    return np.divide(np.ascontiguousarray(moved), dtype.type(source.peak), dtype=dtype)


def _stretched(pixels: np.ndarray, peak: int) -> np.ndarray:
    return np.rint(pixels * (255 / peak)).astype(np.uint8)


def _targets(labels: np.ndarray, scale: float | None, dtype: np.dtype) -> np.ndarray:
    if scale is not None:
        values = labels[:, None] if labels.ndim == 1 else labels
        return (values / scale).astype(dtype)
    return labels if labels.dtype.kind in "iu" else labels.astype(dtype)
