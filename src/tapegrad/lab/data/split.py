"""Dividing samples, and leaving some out; always the same ones for the same seed."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from ...errors import ArgumentError, DataError, FileFormatError

__all__ = ["divide", "folds", "read_exclusions", "rows_without"]

_MOST_BYTES = 100_000_000


def divide(labels: np.ndarray, amount: float, seed: int, who: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of ``amount`` samples and those of the others, both rising.

    ``amount``: a number of samples, or a share below 1 (rounded, but at least one sample). Classes (int64 labels) are drawn
    from in proportion: each gives the rounded share of its samples, up or down where the sum has to come out.
    Raises ArgumentError, naming ``who``, when nothing would be left, or for a number such as 2.5 or -1.
    """
    total = len(labels)
    if amount <= 0 or (amount >= 1 and amount != int(amount)):
        raise ArgumentError(who, f"is {amount}", "use a whole number of samples, or a share below 1")
    count = int(amount) if amount >= 1 else max(1, round(amount * total))
    if count >= total:
        raise ArgumentError(who, f"takes {count:,} of {total:,} samples", "leave some to train on")
    order = np.random.default_rng(seed).permutation(total)
    if labels.dtype.kind not in "iu":
        return np.sort(order[:count]), np.sort(order[count:])
    taken = np.zeros(total, dtype=bool)
    classes, counts = np.unique(labels, return_counts=True)
    for label, quota in zip(classes, _quotas(counts, count), strict=True):
        taken[order[labels[order] == label][:quota]] = True
    return np.flatnonzero(taken), np.flatnonzero(~taken)


def _quotas(counts: np.ndarray, wanted: int) -> np.ndarray:
    """Return how many of each class make ``wanted`` samples in proportion (the method of largest remainders)."""
    exact = counts * wanted / counts.sum()
    quotas = np.floor(exact).astype(np.int64)
    upward = np.argsort(quotas - exact, kind="stable")[: wanted - quotas.sum()]
    quotas[upward] += 1
    return quotas


def folds(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the number of each sample's fold, from 0 to ``count`` - 1; every class is spread over all folds alike.

    Raises ArgumentError for fewer than two folds, or more than there are samples.
    """
    if not 2 <= count <= len(labels):
        raise ArgumentError("folds", f"is {count} for {len(labels):,} samples", "use 2 or more, at most one a sample")
    order = np.random.default_rng(seed).permutation(len(labels))
    if labels.dtype.kind in "iu":
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % count
    return fold


def read_exclusions(path: pathlib.Path) -> list[int]:
    """Return the positions that a file lists.

    Either one number a line, where # begins a comment, or JSON: a list of numbers, or the file that ``tapegrad data
    suspects`` writes. Raises FileFormatError, with the line, for anything else.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise FileFormatError(str(path), "is no list of positions: it is too long", "give one number a line")
    text = path.read_bytes().decode("utf-8-sig", "replace")
    if text.lstrip()[:1] in ("[", "{"):
        return _from_json(path, text)
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        if not (entry.isascii() and entry.isdecimal() and len(entry) < 16):
            raise FileFormatError(
                f"{path}:{number}", f"'{entry[:40]}' is no position", "write one whole number a line, # for comments"
            )
        found.append(int(entry))
    return found


def _from_json(path: pathlib.Path, text: str) -> list[int]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(str(path), f"is no JSON ({error})", "give a list of numbers") from None
    entries = data.get("suspects") if isinstance(data, dict) else data
    if isinstance(entries, list):
        positions = [entry.get("index") if isinstance(entry, dict) else entry for entry in entries]
        whole = [position for position in positions if type(position) is int]
        if len(whole) == len(positions):
            return whole
    raise FileFormatError(str(path), "holds no list of positions", 'write [3, 17] or {"suspects": [{"index": 3}]}')


def rows_without(index: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Return the rows whose position is not excluded. Raises DataError when none is left."""
    rows = np.flatnonzero(~np.isin(index, excluded))
    if not len(rows):
        raise DataError("data.exclude", f"leaves none of {len(index):,} samples", "exclude fewer")
    return rows
