"""What is in a data set, measured: counts, ranges, gaps, copies, contradictions, and samples that parts share."""

from __future__ import annotations

import itertools
import os
import re
from typing import Any

import numpy as np

from ...errors import ArgumentError, did_you_mean
from .copies import Fingerprints, conflicts_in, copies_in, shared_between
from .load import SETS, load_parts, load_source
from .source import Place, Samples, Source

__all__ = ["find_source", "inspect_source"]

_PARTS = ("train", "valid", "test")


def find_source(what: str, root: str | None = None, target: str | None = None) -> tuple[str, Source]:
    """Return the name and the data of a set by its name, a recipe, a folder of images, or a file (csv, npz, zip).

    ``target``: the column of a CSV file to learn, by name or number. A recipe's data comes divided as it is trained with,
    other data as its files have it. Missing values in a CSV file are no error here. Raises ArgumentError when there is nothing of this name; otherwise errors as in ``load_sets``.
    """
    place = Place.of(root)
    if what in SETS and target is None:
        return what, load_source(what, {}, place)
    name = os.path.basename(os.path.normpath(what))
    ending = os.path.splitext(what)[1].lower()
    if os.path.isdir(what):
        return name, _folder(what, place)
    if ending == ".csv":
        return name, load_source("csv", {"path": what, "test": 0, "missing": "mean", **_column(target)}, place)
    if target is not None:
        raise ArgumentError("data inspect", f"target is '{target}', but '{what}' is no CSV file", "leave it out")
    if ending == ".npz":
        return name, load_source("npz", {"path": what, "test": 0}, place)
    if ending == ".zip":
        return name, load_source("hanzi", {"path": what, "source": "zip"}, place)
    return _of_recipe(what, root)


def _column(target: str | None) -> dict[str, Any]:
    if target is None:
        return {}
    return {"target": int(target) if re.fullmatch(r"-?\d{1,9}", target) else target}


def _folder(path: str, place: Place) -> Source:
    """Return the images of class folders, or of hanzi's folders, whose test images lie beside a list of classes."""
    files = os.listdir(path)
    if any(name.endswith("gold.txt") for name in files) and "train" in files:
        return load_source("hanzi", {"path": path, "source": "bmp"}, place)
    return load_source("folder", {"path": path, "test": 0}, place)


def _of_recipe(what: str, root: str | None) -> tuple[str, Source]:
    from ..config import load_config
    from ..library import recipes

    if not os.path.isfile(what) and what.partition("/")[0] not in recipes():
        known = [*SETS, *recipes()]
        raise ArgumentError(
            "data inspect", f"'{what}' is no data set, recipe, folder or file", did_you_mean(what, dict.fromkeys(known))
        )
    config = load_config(what)
    if root is not None:
        config.data.root = root
    return config.data.set, load_parts(config)


def inspect_source(name: str, source: Source) -> dict[str, Any]:
    """Return all that is measured of a data set, fit for JSON.

    ``parts`` has, for each part: how many ``samples``, their ``shape``, ``counts`` of each class and ``imbalance`` (largest
    by smallest), the ``range`` of the values, ``blank`` images (all pixels equal), ``duplicates`` and ``conflicts`` (equal
    samples under different labels). ``shared`` tells, for every two parts, which samples of the second the first has too.
    ``columns`` describes a table's. Positions count from 0 as in the source.
    """
    parts: dict[str, Samples] = {p: getattr(source, p) for p in _PARTS if getattr(source, p) is not None}
    fingerprints = Fingerprints()
    numbers = {part: fingerprints.of(samples.inputs) for part, samples in parts.items()}
    classes = source.task == "classification"
    report: dict[str, Any] = {"set": name, "task": source.task, "kind": source.kind, "classes": source.classes}
    report["parts"] = {part: _part(source, samples, numbers[part]) for part, samples in parts.items()}
    report["shared"] = [
        shared_between((a, b), (parts[a], parts[b]), (numbers[a], numbers[b]), classes)
        for a, b in itertools.combinations(parts, 2)
    ]
    if source.columns is not None:
        report["columns"] = _columns(source.columns, np.concatenate([part.inputs for part in parts.values()]))
    report["sources"] = source.files
    return report


def _part(source: Source, samples: Samples, numbers: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"samples": len(samples), "shape": list(samples.inputs.shape[1:])}
    found["range"] = _range(samples.inputs)
    if source.classes is not None:
        counts = np.bincount(samples.labels, minlength=len(source.classes))
        found["counts"] = counts.tolist()
        found["imbalance"] = float(counts.max() / counts.min()) if counts.min() else None
    else:
        found["target_range"] = _range(samples.labels)
    if source.kind == "images":
        flat = samples.inputs.reshape(len(samples), -1)
        found["blank"] = samples.index[flat.min(axis=1) == flat.max(axis=1)].tolist()
    found["duplicates"] = copies_in(samples, numbers)
    if source.classes is not None:
        found["conflicts"] = conflicts_in(samples, numbers)
    return found


def _range(values: np.ndarray) -> dict[str, float | int]:
    if values.dtype == np.uint8:
        return _range_of_bytes(values)
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if known.size == 0:
        return {"missing": int(values.size)}
    found: dict[str, float | int] = {"min": known.min().item(), "max": known.max().item()}
    found |= {"mean": float(known.mean(dtype=np.float64)), "std": float(known.std(dtype=np.float64))}
    return found | {"missing": int(values.size - known.size)} if known.size < values.size else found


def _range_of_bytes(values: np.ndarray) -> dict[str, float | int]:
    """Return the same from the counts of the 256 values, and how many different ones there are."""
    counts = sum(np.bincount(chunk.ravel(), minlength=256) for chunk in np.array_split(values, len(values) // 1024 + 1))
    shares, byte = counts / values.size, np.arange(256)
    mean = float(shares @ byte)
    present = np.flatnonzero(counts)
    return {
        "min": int(present[0]),
        "max": int(present[-1]),
        "mean": mean,
        "std": float(shares @ (byte - mean) ** 2) ** 0.5,
        "different": len(present),
    }


def _columns(names: list[str], table: np.ndarray) -> list[dict[str, Any]]:
    described = []
    for name, column in zip(names, table.T, strict=True):
        known = column[~np.isnan(column)]
        different = len(np.unique(known))
        described.append(
            {"name": name, "different": different, "constant": different <= 1, "missing": 0} | _range(column)
        )
    return described
