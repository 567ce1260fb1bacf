"""Finding equal samples: copies, copies under different labels, and samples that two parts share."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .source import Samples

__all__ = ["Fingerprints", "conflicts_in", "copies_in", "shared_between"]


class Fingerprints:
    """Gives equal samples equal numbers, across parts: samples are equal when all their bytes are."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def of(self, inputs: np.ndarray) -> np.ndarray:
        """Return the number of each sample."""
        # Adding 0 makes -0.0 and 0.0 the same bytes.
        plain = inputs + 0.0 if inputs.dtype.kind == "f" else inputs
        digests = (hashlib.sha256(sample.tobytes()).digest() for sample in plain)
        return np.array([self._known.setdefault(digest, len(self._known)) for digest in digests], dtype=np.int64)


def _groups(numbers: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each number that comes more than once, in the order of their first rows."""
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    return sorted((g for g in np.split(order, cuts) if len(g) > 1), key=lambda group: int(group[0]))


def copies_in(samples: Samples, numbers: np.ndarray) -> dict[str, Any]:
    """Return how many samples are copies of an earlier one, and the positions of equal samples.

    ``copies`` counts samples, not groups: three equal images are two copies. It is what is left out when one of each stays.
    """
    groups = _groups(numbers)
    return {
        "copies": sum(len(group) - 1 for group in groups),
        "groups": [samples.index[group].tolist() for group in groups],
    }


def conflicts_in(samples: Samples, numbers: np.ndarray) -> list[dict[str, list[int]]]:
    """Return positions and labels of equal samples that are not all of one class."""
    groups = [group for group in _groups(numbers) if len(np.unique(samples.labels[group])) > 1]
    return [{"positions": samples.index[g].tolist(), "labels": samples.labels[g].tolist()} for g in groups]


def shared_between(
    names: tuple[str, str], parts: tuple[Samples, Samples], numbers: tuple[np.ndarray, np.ndarray], classes: bool
) -> dict[str, Any]:
    """Return which samples of the second part also occur in the first.

    ``samples`` counts those of the second part; ``other_label`` those that no equal sample of the first has the label of.
    ``pairs`` holds a position in the second part and the positions in the first that are equal to it.
    """
    first, second = parts
    rows: dict[int, list[int]] = {}
    wanted = set(numbers[1].tolist())
    for row, number in enumerate(numbers[0].tolist()):
        if number in wanted:
            rows.setdefault(number, []).append(row)
    pairs, other = [], 0
    for row, number in enumerate(numbers[1].tolist()):
        if number not in rows:
            continue
        same = rows[number]
        pair: dict[str, Any] = {names[1]: int(second.index[row]), names[0]: first.index[same].tolist()}
        if classes:
            pair["labels"] = {names[1]: int(second.labels[row]), names[0]: first.labels[same].tolist()}
            other += int(second.labels[row]) not in pair["labels"][names[0]]
        pairs.append(pair)
    found: dict[str, Any] = {"parts": list(names), "samples": len(pairs), "pairs": pairs}
    return found | {"other_label": other} if classes else found
