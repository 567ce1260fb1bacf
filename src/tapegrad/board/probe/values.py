"""Answers about a network's numbers: graph, nodes, steps back, weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...explain.steps.described import to_json
from ...explain.steps.steps import step_through
from ..refusal import Refusal
from .subject import SAMPLES, Subject

__all__ = ["graph_of", "node_of", "steps_of", "weights_of"]

MOST_NUMBERS = 20_000
_BINS = 30
# Of each array of a step so many numbers; of each gradient of a parameter so many.
_MOST_OF_STEP, _MOST_OF_LEAF = 200, 2_000


def graph_of(subject: Subject) -> dict[str, Any]:
    """Return the graph with figures of each node's values and gradients."""
    found = subject.graph
    described = found.to_dict()
    for node in described["nodes"]:
        value, gradient = found.values.get(node["id"]), found.gradients.get(node["id"])
        units = node["kind"] == "operation"
        node["stats"] = (
            None if value is None else _figures(value) | {"dead_share": _dead_share(value) if units else None}
        )
        node["gradient"] = None if gradient is None else _figures(gradient) | {"norm": _norm(gradient)}
    return {**described, "part": "train", "rows": subject.rows(SAMPLES).tolist(), "mode": "eval"}


def node_of(subject: Subject, node: int, part: str) -> dict[str, Any]:
    """Return a node's values or gradient. Raises Refusal when there is no such node, or it has none."""
    found = subject.graph
    held = found.values if part == "value" else found.gradients
    if node not in held:
        known = any(other.id == node for other in found.nodes)
        what = f"node {node} has no {part}" if known else f"there is no node {node}"
        raise Refusal(404, "graph", what, "choose another node of the graph")
    return {**to_json(held[node], MOST_NUMBERS), "histogram": _histogram(held[node])}


def steps_of(subject: Subject, samples: int) -> dict[str, Any]:
    """Return backpropagation from the loss of some training samples, step by step, and what the leaves get."""
    inputs, targets = subject.batch(samples)
    loss = subject.loss()
    with np.errstate(all="ignore"):
        steps = step_through(lambda: loss(subject.model(inputs), targets), subject.model)
    leaves = {
        name: {**to_json(gradient, _MOST_OF_LEAF), "norm": _norm(gradient)}
        for name, gradient in steps.gradients.items()
    }
    told = steps.to_dict(_MOST_OF_STEP)
    return {"loss": told["loss"], "steps": told["steps"], "leaves": leaves, "rows": subject.rows(samples).tolist()}


def weights_of(subject: Subject, parameter: str | None) -> dict[str, Any]:
    """Return the names of all parameters and the values of one as rows; without a name the first with rows."""
    found = {name: p.array for name, p in subject.model.named_parameters()}
    if parameter is None:
        parameter = next((name for name, array in found.items() if array.ndim > 1), next(iter(found), ""))
    if parameter not in found:
        raise Refusal(404, "weights", f"there is no parameter {parameter!r:.80}", "choose one of the network's")
    array = found[parameter]
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    described = to_json(rows, MOST_NUMBERS)
    finite = array[np.isfinite(array)]
    return {
        "names": list(found),
        "parameter": parameter,
        "shape": list(array.shape),
        "values": described["values"],
        "truncated": described["truncated"],
        "low": float(finite.min(initial=math.inf)) if finite.size else 0.0,
        "high": float(finite.max(initial=-math.inf)) if finite.size else 0.0,
    }


def _figures(array: np.ndarray) -> dict[str, Any]:
    wide = np.abs(array) if array.dtype.kind == "c" else array
    with np.errstate(all="ignore"):
        wide = wide.astype(np.float64)
        names = ("mean", "std", "min", "max")
        figures = {name: float(getattr(wide, name)()) if wide.size else None for name in names}
    return {**figures, "histogram": _histogram(wide)}


def _norm(array: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt((np.abs(array).astype(np.float64) ** 2).sum()))


def _dead_share(array: np.ndarray) -> float | None:
    """Return the share of units (of dimension 1) that are 0 for every sample; None where there are no units."""
    if array.ndim < 2 or not array.size:
        return None
    alive = (array != 0).any(axis=tuple(d for d in range(array.ndim) if d != 1))
    return float(1 - alive.mean())


def _histogram(array: np.ndarray) -> dict[str, Any]:
    """Return how many values lie in each of equally wide bins; only finite ones count."""
    values = array.astype(np.float64).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return {"low": 0.0, "high": 0.0, "counts": []}
    low, high = float(values.min()), float(values.max())
    low, high = (low, high) if high - low > 0 and math.isfinite(high - low) else (low - 0.5, low + 0.5)
    counts, _ = np.histogram(values, bins=_BINS, range=(low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}
