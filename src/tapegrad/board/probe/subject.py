"""A run's network as it was at a checkpoint, with the data that it learned from."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...core import tensor
from ...explain.network.graph import Graph, graph
from ...lab import names, trust
from ...lab.build import build_model
from ...lab.config import parse_config
from ...lab.data import Part, Sets, load_sets
from ...lab.schema import Config
from ...train import load_weights
from ..files import read_object, read_text
from ..refusal import Refusal

__all__ = ["Subject", "subject_of"]

_MOST_KEPT = 4
_MOST_RECIPE = 1_000_000
# Samples that the graph's values are of.
SAMPLES = 32


class Subject:
    """A network in evaluation mode. Data and graph are made when they are first asked for."""

    def __init__(self, folder: pathlib.Path, checkpoint: str, trusted: bool = False):
        text = read_text(folder, "recipe.yaml", most=_MOST_RECIPE)
        if text is None:
            raise Refusal(404, "run", "its recipe cannot be read", "restore recipe.yaml")
        self.folder = folder
        self.config: Config = parse_config(text, "recipe.yaml", folder)
        self.data = read_object(folder, "data.json")
        shape = self.data.get("input_shape")
        if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
            raise Refusal(
                404, "run", "its data.json is missing or damaged", "wait until the training has begun, or train again"
            )
        self.shape = shape
        self.model: Any = build_model(self.config, self.shape, partial(_check_module, self.config, folder, trusted))
        load_weights(checkpoint, self.model)
        self.model.eval()
        self._graph: Graph | None = None

    @property
    def sets(self) -> Sets:
        """The data in its parts; that of the last few runs stays in the memory."""
        return _kept(_sets, self.folder, 2, lambda: load_sets(self.config, self.folder))

    def part(self, name: str) -> Part:
        """Return a part of the data. Raises Refusal when the run has none of that name."""
        found = getattr(self.sets, name)
        if found is None:
            raise Refusal(404, "samples", f"the run has no {name} part", "choose another part")
        return found

    def loss(self) -> Callable:
        """Return the loss that the network was trained with, without penalties."""
        return names.create("loss", self.config.loss)

    def rows(self, count: int) -> np.ndarray:
        """Return which training samples stand for all: every so many-th, as sets may be sorted by class."""
        total = len(self.part("train"))
        return np.linspace(0, total - 1, min(count, total)).astype(np.intp)

    def batch(self, count: int) -> tuple[Any, Any]:
        """Return the inputs and targets of :meth:`rows` as tensors."""
        part, rows = self.part("train"), self.rows(count)
        return tensor(part.inputs[rows]), tensor(part.targets[rows])

    @property
    def graph(self) -> Graph:
        """The graph of one forward and backward pass of some training samples, with all values and gradients."""
        if self._graph is None:
            inputs, targets = self.batch(SAMPLES)
            with np.errstate(all="ignore"):
                self._graph = graph(self.model, inputs, loss=self.loss(), target=targets, values=True)
        return self._graph


_sets: OrderedDict[Any, Any] = OrderedDict()
_subjects: OrderedDict[Any, Any] = OrderedDict()


def subject_of(folder: str, checkpoint: str, trusted: bool = False) -> Subject:
    """Return the network of a run's folder at a checkpoint's file; the last few stay in the memory as long as the files do.

    ``trusted``: whether a network's own Python file may run whoever wrote it.
    """
    key = (folder, checkpoint, *(_seen(path) for path in (checkpoint, os.path.join(folder, "recipe.yaml"))))
    return _kept(_subjects, key, _MOST_KEPT, lambda: Subject(pathlib.Path(folder), checkpoint, trusted))


def _kept(cache: OrderedDict[Any, Any], key: Any, most: int, make: Callable[[], Any]) -> Any:
    if key not in cache:
        while len(cache) >= most:
            cache.popitem(last=False)
        cache[key] = make()
    cache.move_to_end(key)
    return cache[key]


def _seen(path: str) -> tuple[int, int, int]:
    status = os.lstat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


_DOUBTS = {
    "unknown": "it is not among the trainings of this user on this machine",
    "another network": "the recipe names another network than the one that was trained here",
    "another file": "it was changed since the training",
}


def _check_module(config: Config, folder: pathlib.Path, trusted: bool, source: bytes) -> None:
    """Refuse to run a network's Python file that this user did not train here, as the file is now, or trust by name."""
    path = str(config.model.module).rpartition(":")[0]
    doubt = "" if trusted else trust.doubt_about(config, folder, hashlib.sha256(source).hexdigest())
    if doubt:
        fix = "train it here, or start the board with `tapegrad board FOLDER --trust` where you trust who wrote it"
        raise Refusal(403, "model.module", f"the board does not run {path}: {_DOUBTS[doubt]}", fix)
