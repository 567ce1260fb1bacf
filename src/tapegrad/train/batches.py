"""A loader's batches from a position on, in groups for one update each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import UsageError
from .position import Position

__all__ = ["from_position", "groups"]


def from_position(loader: Any, position: Position) -> Iterable:
    """Give the epoch's batches from the position on: a resumed epoch skips what it has seen."""
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(position.epoch)
    if position.batch == 0:
        return loader
    if hasattr(loader, "from_batch"):
        return loader.from_batch(position.batch)
    return itertools.islice(iter(loader), position.batch, None)


def groups(batches: Iterable, size: int) -> Iterator[list]:
    """Give lists of ``size`` batches, the last may be shorter."""
    batches = iter(batches)
    while group := list(itertools.islice(batches, size)):
        for batch in group:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise UsageError("train", f"a batch is a {type(batch).__name__}", "give pairs: (inputs, target)")
        yield group
