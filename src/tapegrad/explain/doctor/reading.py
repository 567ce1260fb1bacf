"""The course of a training as its run's events tell it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from .observe import Course, Facts, LayerLook, Look

__all__ = ["course_of"]

_ACTIVATION = {
    "mean": "mean",
    "std": "std",
    "min": "low",
    "max": "high",
    **{n: n for n in ("dead_share", "saturated_share")},
}


def course_of(events: Iterable[Mapping[str, Any]], facts: Mapping[str, Any] | None = None) -> Course:
    """Return the course that the events of a run (dicts with ``event``) tell of: reports and looks, no single losses.

    ``facts`` are fields of :class:`Facts` that are known from elsewhere; others are passed over, and so is what no training
    writes.

    >>> course = course_of([{"event": "epoch", "epoch": 1, "step": 4, "rate": 0.1, "loss": 0.5}])
    >>> course.records[0]["loss"], course.rates
    (0.5, [(4, 0.1)])
    """
    known = {field.name for field in dataclasses.fields(Facts)}
    course = Course(facts=Facts(**{name: value for name, value in (facts or {}).items() if name in known}))
    for event in events:
        if event["event"] == "epoch":
            record: dict[str, float] = {
                k: v for k, v in event.items() if k not in ("event", "time") and _number(v) is not None
            }
            course.records.append(record)
            rate = record.get("rate")
            if rate is not None and (not course.rates or course.rates[-1][1] != rate):
                course.rates.append((_step(event), rate))
        elif event["event"] == "statistics":
            layers = {
                path: _look(layer) for path, layer in _part(event, "layers").items() if isinstance(layer, Mapping)
            }
            course.looks.append(Look(_step(event), layers))
    if course.looks:
        course.facts.kinds = {path: layer.kind for path, layer in course.looks[0].layers.items()}
    course.facts.has_valid = any("valid_loss" in record for record in course.records)
    epochs = course.records[-1].get("epoch", 0) if course.records else 0
    course.whole = bool(course.facts.epochs and epochs >= course.facts.epochs)
    return course


def _look(layer: Mapping[str, Any]) -> LayerLook:
    look = LayerLook(str(layer.get("kind", "")))
    for theirs, ours in _ACTIVATION.items():
        setattr(look, ours, _number(_part(layer, "activation").get(theirs)))
    look.grad_norm = _number(_part(layer, "gradient").get("norm"))
    look.weight_norm = _number(_part(layer, "weight").get("norm"))
    look.update_ratio = _number(layer.get("update_ratio"))
    return look


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> float | None:
    fits = type(value) is float or (type(value) is int and abs(value) < 1 << 53)
    return value if fits else None


def _step(event: Mapping[str, Any]) -> int:
    step = _number(event.get("step"))
    return int(step) if step is not None and math.isfinite(step) else 0
