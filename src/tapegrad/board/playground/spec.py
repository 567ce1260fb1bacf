"""What a playground's network is made from, and the recipe that says the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError, did_you_mean

__all__ = ["DEFAULTS", "completed", "recipe_of"]

# Classes of the sets of points, and the noise that shows what each is about.
POINTS = {"spiral": (3, 0.2), "moons": (2, 0.1), "circles": (2, 0.05)}
DIGITS = {"points": 1442, "test_share": 0.2}
DEFAULTS: dict[str, Any] = {
    "data": "spiral",
    "points": 300,
    "noise": None,
    "seed": 0,
    "test_share": 0.3,
    "layers": [8, 8],
    "activation": "Tanh",
    "optimizer": "Adam",
    "lr": 0.03,
    "batch_size": 32,
    "l1": 0.0,
    "l2": 0.0,
    "dropout": 0.0,
}
# The activations and optimizers by their names in the page; Linear is none at all.
ACTIVATIONS = {**{name: name for name in ("ReLU", "Tanh", "Sigmoid", "GELU", "LeakyReLU")}, "Linear": "Identity"}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"type": "SGD"},
    "Momentum": {"type": "SGD", "momentum": 0.9},
    "Adam": {"type": "Adam"},
    "AdamW": {"type": "AdamW"},
    "RMSprop": {"type": "RMSprop"},
}
_MOST_LAYERS, _MOST_WIDTH, _MOST_UNITS = 6, 64, 128
_BOUNDS: dict[str, tuple[float, float]] = {
    "noise": (0.0, 5.0),
    "test_share": (0.1, 0.9),
    "lr": (1e-6, 100.0),
    "l1": (0.0, 10.0),
    "l2": (0.0, 10.0),
    "dropout": (0.0, 0.9),
}
_COUNTS = {"points": (12, 4000), "seed": (0, 2**31 - 1), "batch_size": (0, 4000)}
_TOKEN = re.compile(r"csv:[0-9a-f]{16}")
STEPS = 1000


def completed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification with what it leaves out. Raises ArgumentError for what is not known or out of bounds.

    >>> completed({"data": "moons"})["noise"]
    0.1
    """
    for name in spec:
        if name not in DEFAULTS:
            raise ArgumentError("playground", f"there is no '{name!s:.40}'", did_you_mean(str(name)[:40], DEFAULTS))
    found = {**DEFAULTS, **{name: value for name, value in spec.items() if value is not None}}
    _check_word("activation", found["activation"], ACTIVATIONS)
    _check_word("optimizer", found["optimizer"], OPTIMIZERS)
    if not isinstance(found["data"], str) or _TOKEN.fullmatch(found["data"]) is None:
        _check_word("data", found["data"], [*POINTS, "digits"])
    if found["noise"] is None:
        found["noise"] = POINTS.get(found["data"], (0, 0.0))[1]
    for name, (low, high) in _COUNTS.items():
        found[name] = _count(name, found[name], low, high)
    for name, (low, high) in _BOUNDS.items():
        found[name] = _number(name, found[name], low, high)
    found["layers"] = _layers(found["layers"])
    return found | (DIGITS if found["data"] == "digits" else {})


def _check_word(name: str, value: Any, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(f"playground.{name}", f"there is no {value!r:.60}", did_you_mean(str(value)[:60], known))


def _count(name: str, value: Any, low: int, high: int) -> int:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and abs(value) < 2**53
    if not whole or value != int(value) or not low <= value <= high:
        raise ArgumentError(f"playground.{name}", f"is {value!r:.60}", f"use a whole number from {low:,} to {high:,}")
    return int(value)


def _number(name: str, value: Any, low: float, high: float) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    if not fits or not math.isfinite(value):
        raise ArgumentError(f"playground.{name}", f"is {value!r:.60}", f"use a number from {low:g} to {high:g}")
    return float(value)


def _layers(value: Any) -> list[int]:
    if not isinstance(value, list) or len(value) > _MOST_LAYERS:
        raise ArgumentError("playground.layers", f"is {value!r:.60}", f"use a list of at most {_MOST_LAYERS} widths")
    widths = [_count("layers", width, 1, _MOST_WIDTH) for width in value]
    if sum(widths) > _MOST_UNITS:
        raise ArgumentError("playground.layers", f"has {sum(widths)} units", f"use at most {_MOST_UNITS} in all")
    return widths


def points_of(spec: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return a set of points' classes, and how many of each there are to train on and to test with."""
    classes = POINTS[spec["data"]][0]
    of_each = max(2, spec["points"] // classes)
    test = min(max(1, round(of_each * spec["test_share"])), of_each - 1)
    return classes, of_each - test, test


def recipe_of(spec: Mapping[str, Any], table: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the recipe of a completed specification, with which ``tapegrad train`` computes the same bits.

    ``table``: of a file of one's own its ``path``, and how many ``inputs`` and ``classes`` it has (None: values).
    """
    widths, classes = _sizes(spec, table)
    optimizer = {**OPTIMIZERS[spec["optimizer"]], "lr": spec["lr"]}
    penalties = {name: spec[name] for name in ("l1", "l2") if spec[name]}
    if penalties:
        optimizer["penalties"] = [{"parameters": "*.weight", **penalties}]
    model = {"layers": widths, "activation": ACTIVATIONS[spec["activation"]]}
    return {
        "title": "playground",
        "seed": spec["seed"],
        "data": {**_data(spec, table), "split": {"valid": 0}, "batch_size": spec["batch_size"] or "full"},
        "model": {**model, "dropout": spec["dropout"]} if spec["dropout"] else model,
        **({} if classes is not None else {"loss": "MSELoss"}),
        "optimizer": optimizer,
        # As the page does it: small networks have taken the step before a program is made of it.
        "training": {"steps": STEPS, "compile": False},
        "evaluation": {"checkpoint": "last"},
    }


def _sizes(spec: Mapping[str, Any], table: Mapping[str, Any] | None) -> tuple[list[int], int | None]:
    if table is not None:
        return [table["inputs"], *spec["layers"], table["classes"] or 1], table["classes"]
    inputs, classes = (64, 10) if spec["data"] == "digits" else (2, POINTS[spec["data"]][0])
    return [inputs, *spec["layers"], classes], classes


def _data(spec: Mapping[str, Any], table: Mapping[str, Any] | None) -> dict[str, Any]:
    if table is not None:
        arguments = {"path": table["path"], "test": spec["test_share"], "test_seed": spec["seed"]}
        return {"set": "csv", "arguments": arguments, "standardize": True}
    if spec["data"] == "digits":
        return {"set": "digits"}
    classes, train, test = points_of(spec)
    arguments = {"points": train, "noise": spec["noise"], "test_points": test}
    return {"set": spec["data"], "arguments": arguments | ({"classes": classes} if spec["data"] == "spiral" else {})}
