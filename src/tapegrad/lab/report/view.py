"""A run as a report sees it: its settings, its figures, its course, and the network that it trained."""

from __future__ import annotations

import contextlib
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

from ...array import get_default_dtype, set_default_dtype
from ...errors import TapegradError
from ...ops.random import get_rng_state, set_rng_state
from ...train import Run
from ..schema import Config
from .facts import Fact, Facts, Files

__all__ = ["PARTS", "RunView", "undisturbed"]

# The order in which parts of the data are named, and which one judges the network.
PARTS = ("train", "valid", "test")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put the default dtype and the random numbers back to where they were: building an experiment sets both."""
    dtype, state = get_default_dtype(), get_rng_state()
    try:
        yield
    finally:
        set_default_dtype(dtype)
        set_rng_state(state)


class RunView:
    """Reads one run's folder. ``prefix`` begins the names of its facts: the way from the report to the folder."""

    def __init__(self, folder: pathlib.Path, facts: Facts, prefix: str = ""):
        from ..config import load_config

        self.folder = folder
        self.facts = facts
        self.prefix = prefix
        self.files = Files(folder)
        self.run = Run(folder)
        self.why = ""
        self.config: Config = load_config(folder / "recipe.yaml")

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.run.name

    def fact(self, file: str, *keys: Any) -> Fact | None:
        """Return the fact at a place of the run's files, or None."""
        return self.facts.read(self.files, file, *keys, prefix=self.prefix)

    def result(self, *keys: Any) -> Fact | None:
        """Return one of the final figures, or None before the training's end."""
        return self.fact("result.json", *keys)

    def data(self, *keys: Any) -> Fact | None:
        """Return what is known of the data, or None."""
        return self.fact("data.json", *keys)

    def measured(self, *keys: Any) -> Fact | None:
        """Return what :mod:`.measure` found out beside the final figures, or None."""
        return self.fact("measured.json", *keys)

    def setting(self, *keys: Any) -> Fact | None:
        """Return a setting: the recipe's, or the default where the recipe does not name it; None for none."""
        found = self.fact("recipe.yaml", *keys)
        if found is not None:
            return found
        value: Any = self.config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        if value is None:
            return None
        path = ".".join(map(str, keys))
        return self.facts.default(f"{self.prefix}default of {path}", value, f"recipe key {path}")

    # -- course -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def epochs(self) -> list[dict[str, Any]]:
        """The records of the reports."""
        return (self.files.tree("events.jsonl") or {}).get("epoch", [])

    @functools.cached_property
    def statistics(self) -> list[dict[str, Any]]:
        """The records of the layers' statistics."""
        return (self.files.tree("events.jsonl") or {}).get("statistics", [])

    def record(self, number: int, key: str) -> Fact | None:
        """Return an entry of a report's record; -1 is the last."""
        number = number % len(self.epochs) if self.epochs else 0
        return self.fact("events.jsonl", "epoch", number, key)

    def course(self, key: str) -> Fact | None:
        """Return all values that the reports have of a key."""
        found = self.fact("events.jsonl", "epoch", "*", key)
        return found if found is not None and found.value else None

    # -- figures ----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def metrics(self) -> list[str]:
        """The names of the metrics that were measured, the loss not among them."""
        result = self.files.tree("result.json") or (self.epochs[-1] if self.epochs else {})
        known = ("accuracy", "top_k", "precision", "recall", "f1", "auroc", "mse", "mae", "r2", "scaled_accuracy")
        chosen = [component.type for component in self.config.metrics or ()]
        names = dict.fromkeys([*chosen, *known])
        return [
            n for n in names if any(isinstance(result.get(k), (int, float)) for k in (n, *(f"{p}_{n}" for p in PARTS)))
        ]

    @property
    def parts(self) -> list[str]:
        """The parts of the data that there are figures of."""
        result = self.files.tree("result.json") or {}
        return [part for part in PARTS if f"{part}_loss" in result]

    @property
    def judge(self) -> str | None:
        """The part that tells how good the network is: the test set, or without one the validation set."""
        return next((part for part in ("test", "valid") if part in self.parts), None)

    @functools.cached_property
    def task(self) -> str:
        """``classification`` or ``regression``."""
        for name in ("data.json", "result.json"):
            task = (self.files.tree(name) or {}).get("task")
            if task in ("classification", "regression"):
                return task
        kinds = ("CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss", "HingeLoss", "MultiMarginLoss")
        return "classification" if self.config.loss.type in kinds else "regression"

    @property
    def classes(self) -> list[str]:
        """The names of the classes, where there are some."""
        trees = (self.files.tree(name) or {} for name in ("data.json", "result.json"))
        return list(map(str, next((tree["classes"] for tree in trees if tree.get("classes")), [])))

    # -- network ----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def input_shape(self) -> tuple[int, ...] | None:
        """The shape of one input: as it was measured, else as the first dense layer wants it."""
        shape = (self.files.tree("data.json") or {}).get("input_shape")
        if shape:
            return tuple(shape)
        network = (self.files.tree("result.json") or {}).get("network") or []
        if network:
            return tuple(network[0]["input_shape"])
        layers = self.config.model.layers or []
        first = layers[0] if layers else None
        if isinstance(first, int):
            return (first,)
        size = first.arguments.get("in_features") if first is not None else None
        return (size,) if isinstance(size, int) else None

    @functools.cached_property
    def model(self) -> Any:
        """The network as it was before training, or None when it cannot be built here; :attr:`why` then says why."""
        from ..build import build_model

        try:
            with undisturbed():
                return build_model(self.config, self.input_shape)
        except (TapegradError, OSError) as error:
            self.why = str(error)
            return None

    def layers(self) -> list[dict[str, Any]]:
        """Return a row for each layer: ``name``, ``type``, shapes and ``parameters``; as it was measured, or built anew."""
        network = (self.files.tree("result.json") or {}).get("network")
        if isinstance(network, list) and network and all(_is_layer(row) for row in network):
            return network
        if self.model is None or self.input_shape is None:
            return []
        from .formulas.network import layers_in_order

        return [
            {
                "name": path,
                "type": type(layer).__name__,
                "input_shape": list(given.shape[1:]),
                "output_shape": list(made.shape[1:]),
                "parameters": sum(p.numel() for p in layer.parameters()),
            }
            for path, layer, given, made in layers_in_order(self.model, self.input_shape)
        ]


def _is_layer(row: Any) -> bool:
    return isinstance(row, dict) and {"name", "type", "output_shape", "parameters"} <= row.keys()
