"""Units that say the same whatever comes: whether they began so, and what made them so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..observe import Course
from .levels import learns

__all__ = ["GROWN", "Lost", "Push", "dead", "killed", "low_bias", "pushed", "saturated"]

# A layer of which so many units are dead has lost most of what it could say; half is what a ReLU network may have.
_DEAD = 0.8
_SATURATED = 0.8
# Fewer at the first update: they were lost in the training.
_ALIVE = 0.5
_ACTIVATIONS = ("ReLU", "ReLU6", "ReLU3", "LeakyReLU", "ELU", "GELU", "SiLU", "Hardswish")
# An update that changes a layer by more than a third of it forgets what was learned; weights that learn become two or three
# times as large as they were.
_LARGE_UPDATE = 0.3
GROWN = 4.0


class Lost(NamedTuple):
    """A layer whose units are lost in all looks from update ``since`` on; ``series``: the share of them, over all looks."""

    path: str
    kind: str
    since: int
    series: list[list[float]]


class Push(NamedTuple):
    """The update by which the weights were thrown away, how far the largest update looked at had changed a layer until then,
    as a share of it, and how many times as large as at first the layers were (medians over layers)."""

    step: int
    ratio: float
    growth: float


def dead(course: Course) -> Iterator[Lost]:
    """Yield the layers most of whose units are 0 for every sample."""
    for path, kind in _kinds(course).items():
        if "Dropout" in kind or kind == "Embedding" or not (kind in _ACTIVATIONS or _is_linear(kind)):
            continue
        series = course.series(path, "dead_share")
        since = _since(series, _DEAD)
        if since is not None and (len(series) > 1 or course.whole):
            yield Lost(path, kind, since, series)


def saturated(course: Course) -> Iterator[Lost]:
    """Yield the layers most of whose values lie at the ends of their range; an output may."""
    kinds = _kinds(course)
    for path, kind in list(kinds.items())[:-1]:
        series = course.series(path, "saturated_share")
        since = _since(series, _SATURATED)
        if since is not None:
            yield Lost(path, kind, since, series)


def pushed(course: Course) -> Push | None:
    """Return where updates were too large for the weights; None where they were not."""
    if not course.looks:
        return None
    first, largest = course.looks[0].layers, 0.0
    for look in course.looks:
        layers = {p: y for p, y in look.layers.items() if y.weight_norm and "Norm" not in y.kind}
        ratios = [y.update_ratio for y in layers.values() if y.update_ratio is not None]
        growths = [y.weight_norm / w for p, y in layers.items() if p in first and (w := first[p].weight_norm)]  # type: ignore[operator]
        ratio = float(np.median(ratios)) if ratios else 0.0
        growth = float(np.median(growths)) if growths else 1.0
        largest = max(largest, ratio)
        if ratio > _LARGE_UPDATE or growth > GROWN:
            return Push(look.step, largest, growth)
    return None


def killed(course: Course) -> Push | None:
    """Return the push after which units that had been alive were lost, in a network that has not learned; None without."""
    push = pushed(course)
    if push is None:
        return None
    lost = [u for u in (*dead(course), *saturated(course)) if u.series[0][1] < _ALIVE and u.since >= push.step]
    # A layer without any unit left learns nothing, whatever the first losses were.
    return push if lost and (any(u.series[-1][1] == 1 for u in lost) or not learns(course, 0.5)) else None


def low_bias(course: Course, lost: Lost) -> dict[str, Any]:
    """Return, of units that are dead from the start, the ``layer`` and its median ``bias`` that keeps them below 0; or nothing."""
    if course.traits is None or lost.series[0][1] < _DEAD:
        return {}
    layers = course.looks[0].layers
    before = list(layers)[: list(layers).index(lost.path) + 1] if lost.path in layers else []
    path = next((p for p in reversed(before) if p in course.traits.biases), None)
    mean = None if path is None else layers[path].mean
    if path is None or mean is None:
        return {}
    bias = course.traits.biases[path]
    # What is summed up lies where the bias is, and not where the weights and the inputs have brought it.
    return {"layer": path, "bias": bias} if bias < 0 and abs(mean - bias) < 0.5 * abs(bias) else {}


def _kinds(course: Course) -> dict[str, str]:
    return {path: layer.kind for path, layer in course.looks[-1].layers.items()} if course.looks else {}


def _is_linear(kind: str) -> bool:
    return kind.startswith(("Linear", "Conv", "BatchNorm"))


def _since(series: list[list[float]], bound: float) -> int | None:
    """Return the step from which on all looks are above a bound, None where the last is not."""
    since = None
    for step, value in reversed(series):
        if value < bound:
            break
        since = int(step)
    return since
