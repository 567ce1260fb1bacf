"""From a configuration to data that is ready to learn from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, DataError, did_you_mean
from . import images, points
from .archives import npz_file
from .check import check_arguments, check_source
from .prepare import prepare
from .sets import Sets
from .source import Place, Samples, Source
from .split import divide, read_exclusions, rows_without
from .tables import csv_file

if TYPE_CHECKING:
    from ..schema import Config, Data

__all__ = ["SETS", "load_parts", "load_sets", "load_source"]

SETS: Mapping[str, Callable[..., Source]] = {
    "spiral": points.spiral,
    "moons": points.moons,
    "circles": points.circles,
    "sine": points.sine,
    "digits": images.digits,
    "mnist": images.mnist,
    "fashion-mnist": images.fashion_mnist,
    "hanzi": images.hanzi,
    **{flag: images.medmnist(flag) for flag in images.MEDMNIST},
    "csv": csv_file,
    "folder": images.folder,
    "npz": npz_file,
}


def load_sets(config: Config, folder: str | os.PathLike | None = None) -> Sets:
    """Return the data of a configuration in its parts, checked and ready for a network.

    The validation part is drawn from the training samples by ``data.split`` (in proportion to the classes), unless the set
    is published with one; then samples are excluded, from the training and the validation part, so that what is held out
    stays the same; then ``data.limit`` takes that many of the training part, in proportion. Parts keep the order of the
    source. Images are divided by their brightest value; ``standardize`` and missing values are measured on the training part.
    ``folder``: where relative paths begin, before the working folder and the root; by default the folder of the YAML file.
    Raises ArgumentError for names and values that do not fit, DataError for data that is not there or cannot be learned
    from, FileFormatError for a damaged file.
    """
    data = config.data
    source = load_parts(config, folder)
    return prepare(data.set, source, data.standardize, data.target_scale, config.dtype)


def load_parts(config: Config, folder: str | os.PathLike | None = None) -> Source:
    """Return the data of a configuration as its files have it, divided into parts. Errors as in :func:`load_sets`."""
    data = config.data
    place = Place.of(data.root, config.seed, folder if folder is not None else config.folder)
    source = load_source(data.set, data.arguments, place)
    seed = config.seed if data.split.seed is None else data.split.seed
    _hold_out(source, data.split.valid, seed)
    _exclude(source, data, place)
    if data.limit is not None and data.limit < len(source.train):
        chosen, _ = divide(source.train.labels, data.limit, seed, "data.limit")
        source.train = source.train.take(chosen)
    _check_classes(data.set, source)
    return source


def load_source(name: str, arguments: Mapping[str, Any], place: Place) -> Source:
    """Return a set as its files have it, checked. Errors as in :func:`load_sets`."""
    if name not in SETS:
        raise ArgumentError("data.set", f"there is no set '{name}'", did_you_mean(name, SETS))
    check_arguments(name, SETS[name], arguments)
    source = SETS[name](place, **arguments)
    check_source(name, source)
    return source


def _hold_out(source: Source, amount: float, seed: int) -> None:
    if amount == 0:
        source.valid = None
    elif source.valid is None:
        held, kept = divide(source.train.labels, amount, seed, "data.split.valid")
        source.train, source.valid = source.train.take(kept), source.train.take(held)
        source.split_off = True


def _exclude(source: Source, data: Data, place: Place) -> None:
    """Leave the excluded samples out of all parts that their positions count through."""
    if data.exclude is None:
        return
    listed = data.exclude
    if isinstance(listed, str):
        path = place.find("data.exclude", listed)
        listed = read_exclusions(path)
        source.files |= place.digests([path])
    names = ["train"] + ["valid"] * source.split_off + ["test"] * source.joined
    parts: list[tuple[str, Samples]] = [(n, getattr(source, n)) for n in names if getattr(source, n) is not None]
    last = max(int(part.index.max()) for _, part in parts)
    for position in listed:
        if not 0 <= position <= last:
            raise ArgumentError("data.exclude", f"there is no sample {position}", f"positions go from 0 to {last}")
    for name, part in parts:
        setattr(source, name, part.take(rows_without(part.index, np.array(listed, dtype=np.int64))))


def _check_classes(name: str, source: Source) -> None:
    """Raise DataError when a class has no training sample: nothing would be learned of it."""
    if source.task != "classification":
        return
    counts = np.bincount(source.train.labels, minlength=len(source.classes or ()))
    if counts.min() == 0:
        empty = int(counts.argmin())
        label = (source.classes or [])[empty]
        raise DataError(
            f"{name}, train part",
            f"class {empty} ('{label}') has none of the {len(source.train):,} samples",
            "raise data.limit, exclude fewer, or number the classes without gaps",
        )
