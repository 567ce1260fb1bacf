"""What an experiment learns from: parts of a data set, ready for a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

__all__ = ["Part", "Sets", "Task"]

Task = Literal["classification", "regression"]


@dataclasses.dataclass(eq=False)
class Part:
    """The samples to train on, to validate with, or to test with.

    ``inputs``: what the network gets, floats, standardised; images as (samples, channels, height, width).
    ``targets``: what the loss wants: classes as int64 of shape (samples,), or values as floats of shape (samples, outputs).
    ``labels``: classes as int64, or the values before they were scaled. ``index``: each sample's position in its source,
    which lists of exclusions name. ``images``: the pictures as they were, bytes of shape (samples, height, width) or
    (samples, height, width, 3), or None for what is no picture.
    """

    inputs: np.ndarray
    targets: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    images: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> Part:
        """Return the samples at these positions of this part."""
        images = None if self.images is None else self.images[rows]
        return Part(self.inputs[rows], self.targets[rows], self.labels[rows], self.index[rows], images)


@dataclasses.dataclass(eq=False)
class Sets:
    """A data set in its parts.

    ``task`` is that of the targets: with ``target_scale`` classes are learned as numbers, which is regression, and
    ``classes`` still names them. ``sources``: the SHA-256 of every file that was read (of a folder: of the list of its
    files' own). ``statistics``: ``mean`` and ``std`` that inputs were standardised with (numbers for images, lists for
    tables), ``inverted`` where black and white changed places, ``target_scale``, and, for tables, the names of the
    ``columns``; all of it fit for JSON. ``held_out``: the validation samples come from the training set, and positions count
    through both.
    """

    name: str
    task: Task
    train: Part
    valid: Part | None
    test: Part | None
    classes: list[str] | None
    sources: dict[str, str] = dataclasses.field(default_factory=dict)
    statistics: dict[str, Any] = dataclasses.field(default_factory=dict)
    held_out: bool = False

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Yield the parts that there are with their names."""
        for name in ("train", "valid", "test"):
            part = getattr(self, name)
            if part is not None:
                yield name, part
