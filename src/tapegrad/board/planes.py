"""What a network makes of its whole input space, where that is a line or a plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core import no_grad, tensor
from ..lab.data import Sets
from ..lab.predict import predict_all, to_probabilities

__all__ = ["boundary", "grid_of", "responses", "scaled"]

_MOST_POINTS = 2000
_CURVE = 200
# How far the picture goes beyond the points, as a share of their spread.
_MARGIN = 0.08


def grid_of(sets: Sets, size: int) -> tuple[np.ndarray, list[float], list[float]] | None:
    """Return the points of a square grid around the training points, row by row from the lowest y, and its two sides.

    None for inputs that are no points of the plane.
    """
    points = sets.train.inputs
    if points.ndim != 2 or points.shape[1] != 2:
        return None
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.zeros(2))
    middle, reach = (low + high) / 2, float((high - low).max()) * (0.5 + _MARGIN) or 1.0
    x, y = (np.linspace(m - reach, m + reach, size) for m in middle)
    across, up = np.meshgrid(x, y)
    grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(sets.train.inputs.dtype)
    return grid, [float(x[0]), float(x[-1])], [float(y[0]), float(y[-1])]


def boundary(model: Any, sets: Sets, size: int) -> dict[str, Any] | None:
    """Return the classes of a plane with how sure the network is, or the curve over a line; None for other inputs."""
    if sets.task == "regression":
        return _curve(model, sets)
    found = grid_of(sets, size)
    if found is None:
        return None
    grid, x, y = found
    shares = np.nan_to_num(predict_all(model, grid, probabilities=True))
    return {
        "x": x,
        "y": y,
        "size": size,
        "classes": shares.argmax(axis=1).tolist(),
        "confidence": np.round(shares.max(axis=1), 3).tolist(),
        "points": _points(sets.train),
        "test_points": [] if sets.test is None else _points(sets.test),
    }


def _curve(model: Any, sets: Sets) -> dict[str, Any] | None:
    inputs, targets = sets.train.inputs, sets.train.targets
    if inputs[0].size != 1 or targets[0].size != 1:
        return None
    low, high = float(inputs.min()), float(inputs.max())
    x = np.linspace(low, high, _CURVE)
    outputs = predict_all(model, x.astype(inputs.dtype).reshape(-1, *inputs.shape[1:]))
    chosen = _some(len(inputs))
    pairs = np.stack([inputs[chosen].reshape(-1), targets[chosen].reshape(-1)], axis=1)
    return {"x": x.tolist(), "curve": outputs.reshape(len(x), -1)[:, 0].tolist(), "points": pairs.tolist()}


def _points(part: Any) -> list[list[float]]:
    chosen = _some(len(part))
    rows = np.concatenate([part.inputs[chosen], part.labels[chosen].reshape(len(chosen), -1)[:, :1]], axis=1)
    return np.round(rows.astype(np.float64), 4).tolist()


def _some(count: int) -> np.ndarray:
    """Return which of so many samples are shown: all, or evenly chosen ones."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(np.intp))


def responses(model: Any, inputs: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return for each Linear layer its path, and what it says of each input (inputs, units).

    What a unit says is what follows of it: after the activation, and of the last layer the share of its class.
    """
    seen: list[tuple[str, Any]] = []
    hooks = []
    for path, layer in _leaves(model):
        hooks.append(layer.register_forward_hook(_note(path, layer, seen)))
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            model(tensor(inputs))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return list(_said(seen))


def _leaves(model: Any) -> list[tuple[str, Any]]:
    return [(path, module) for path, module in model.named_modules() if not list(module.children())]


def _note(path: str, layer: Any, seen: list[tuple[str, Any]]) -> Any:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        seen.append((path if type(layer).__name__ == "Linear" else "", np.asarray(output.array)))

    return hook


def _said(seen: Sequence[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    linear = [i for i, (path, _) in enumerate(seen) if path]
    for i, end in zip(linear, [*linear[1:], len(seen)], strict=True):
        output = seen[end - 1][1]
        last = i == linear[-1] and output.ndim == 2 and output.shape[1] > 1
        yield seen[i][0], to_probabilities(output) if last else output


def scaled(values: np.ndarray) -> np.ndarray:
    """Return each column between 0 and 1, its lowest and highest value; one that is the same everywhere is 0."""
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min(axis=0), values.max(axis=0)
    return np.round((values - low) / np.where(high > low, high - low, 1.0), 3)
