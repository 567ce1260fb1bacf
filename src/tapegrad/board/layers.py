"""The layers' statistics over a run's steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .bounds import LONGEST_NAME
from .series import Series

__all__ = ["FIGURES", "Layers"]

# Each figure, and where a statistics event has it.
FIGURES = {
    "mean": ("activation", "mean"),
    "std": ("activation", "std"),
    "min": ("activation", "min"),
    "max": ("activation", "max"),
    "dead_share": ("activation", "dead_share"),
    "saturated_share": ("activation", "saturated_share"),
    "gradient_norm": ("gradient", "norm"),
    "weight_norm": ("weight", "norm"),
    "update_ratio": ("update_ratio",),
}
_HISTOGRAMS = {"histogram": "activation", "gradient_histogram": "gradient"}
_MOST_LAYERS = 300
_MOST_BINS = 200
_CAPACITY = 1024


class _Layer:
    def __init__(self) -> None:
        self.kind = ""
        self.courses: dict[str, Series] = {}
        self.histograms: dict[str, Any] = {}


class Layers:
    """Figures of each layer by step, and its last histograms, gathered from statistics events."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self._waiting: list[Mapping[str, Any]] = []

    def add(self, event: Mapping[str, Any]) -> None:
        """Take an event; what it holds is seen after :meth:`flush`."""
        step, layers = event.get("step"), event.get("layers")
        if isinstance(layers, Mapping) and type(step) is int and abs(step) < 1 << 53:
            self._waiting.append(event)

    def flush(self) -> None:
        """Enter the events that wait."""
        events, self._waiting = self._waiting, []
        if not events:
            return
        for event in events:
            for path in event["layers"]:
                if path not in self._layers and len(self._layers) < _MOST_LAYERS and len(path) <= LONGEST_NAME:
                    self._layers[path] = _Layer()
        steps = [event["step"] for event in events]
        for path, layer in self._layers.items():
            entries = [event["layers"].get(path) for event in events]
            self._enter(layer, steps, [entry if isinstance(entry, Mapping) else {} for entry in entries])

    def _enter(self, layer: _Layer, steps: list[int], entries: list[Mapping[str, Any]]) -> None:
        layer.kind = next((str(e["kind"])[:100] for e in reversed(entries) if "kind" in e), layer.kind)
        for name, keys in FIGURES.items():
            values = [_figure(entry, keys) for entry in entries]
            if name in layer.courses or any(v == v for v in values):
                layer.courses.setdefault(name, Series(_CAPACITY)).extend(steps, values)
        for name, key in _HISTOGRAMS.items():
            found = _histogram(entries[-1].get(key))
            if found is not None:
                layer.histograms[name] = found

    def view(self, points: int) -> dict[str, Any]:
        """Return the steps and each layer's figures at them, None where it had none, at most ``points``."""
        views = {
            path: {name: course.view(points) for name, course in layer.courses.items()}
            for path, layer in self._layers.items()
        }
        steps = max((v["step"] for view in views.values() for v in view.values()), key=len, default=[])
        return {
            "steps": steps,
            "layers": {
                path: {
                    "kind": layer.kind,
                    **{name: _padded(v["value"], len(steps)) for name, v in views[path].items()},
                    **layer.histograms,
                }
                for path, layer in self._layers.items()
            },
        }


def _padded(values: list[float], count: int) -> list[float | None]:
    """Return values at the last of so many steps, None where there is none."""
    return [None] * (count - len(values)) + [None if value != value else value for value in values]


def _figure(entry: Mapping[str, Any], keys: tuple[str, ...]) -> float:
    value: Any = entry
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if type(value) is float or (type(value) is int and abs(value) < 1 << 53) else math.nan


def _histogram(part: Any) -> Any:
    """Return a histogram when it is one that can be drawn."""
    found = part.get("histogram") if isinstance(part, Mapping) else None
    if (
        not isinstance(found, Mapping)
        or not isinstance(counts := found.get("counts"), list)
        or len(counts) > _MOST_BINS
    ):
        return None
    ends = [found.get("low"), found.get("high")]
    numbers = all(type(n) in (int, float) and abs(n) < 1 << 53 for n in [*ends, *counts])
    return {"low": ends[0], "high": ends[1], "counts": counts} if numbers else None
