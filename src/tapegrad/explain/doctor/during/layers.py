"""Faults that a look at the layers shows: units that are dead, saturated or copies, gradients that vanish or explode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..finding import Finding
from ..observe import Course, Look
from ..traits import LARGE_GAIN
from . import units
from .levels import chance, learns

__all__ = ["DETECTORS"]

# From the last layer to the first, relative to their weights: a thousandth is nothing that the first learns from.
_VANISHED = 1e-3
_EXPLODED = 1e3
# A single layer's gradient that would change its weights by a hundred times themselves, at a rate of 1.
_HUGE = 100.0
_STRONG_DROPOUT = 0.8
_KEPT_WEIGHTS = 0.1


def dead_units(course: Course) -> Iterator[Finding]:
    """Yield a finding of the first layer most of whose units are 0 for every sample, in all looks from some update on."""
    for lost in units.dead(course):
        share = lost.series[-1][1]
        # A network that learns all the same has enough units left.
        if not (learns(course, 0.5) and share < 1):
            evidence: dict[str, Any] = {"share": share, "first": lost.series[0][1], "series": lost.series}
            evidence |= units.low_bias(course, lost)
            yield Finding("dead-units", lost.path, lost.since, evidence, severity=0.76)
            return


def saturated(course: Course) -> Iterator[Finding]:
    """Yield a finding of the first layer whose activations stay on their ends."""
    lost = next(units.saturated(course), None)
    if lost is not None and not learns(course, 0.5):
        evidence: dict[str, Any] = {"share": lost.series[-1][1], "kind": lost.kind, "series": lost.series}
        yield Finding("saturated", lost.path, lost.since, evidence, severity=0.74)


def depth(course: Course) -> Iterator[Finding]:
    """Yield a finding where gradients become smaller, or larger, by orders of magnitude on their way to the first layer."""
    looks = [look for look in course.looks if _flow(look)]
    # Units that let nothing through explain more than the gradient that they leave.
    if not looks or any(dead_units(course)) or any(saturated(course)):
        return
    flows = [(look.step, _flow(look)) for look in looks]
    ratios = [[step, flow[0][1] / flow[-1][1]] for step, flow in flows if len(flow) > 2 and flow[-1][1] > 0]
    first, last = flows[0][1][0][0], flows[0][1][-1][0]
    middle = float(np.median([ratio for _, ratio in ratios])) if ratios else 1.0
    evidence: dict[str, Any] = {"ratio": middle, "last": last, "series": ratios}
    # What a layer blows up, the next ones get: the first is to blame.
    worst, size = next((item for item in flows[0][1] if item[1] > _HUGE), flows[0][1][0])
    if middle < _VANISHED and not learns(course, 0.5):
        yield Finding("vanishing-gradient", first, int(ratios[0][0]), evidence, severity=0.77)
    elif (middle > _EXPLODED or size > _HUGE) and not learns(course, 0.5):
        evidence["ratio"], evidence["size"] = (ratios[0][1] if ratios else math.nan), size
        yield Finding("exploding-gradient", worst, flows[0][0], evidence, severity=0.88)


def _flow(look: Look) -> list[tuple[str, float]]:
    """Return |gradient| / |weights| of each layer, those of normalisation left out, in order."""
    return [
        (path, layer.grad_norm / layer.weight_norm)
        for path, layer in look.layers.items()
        if layer.grad_norm is not None
        and layer.weight_norm
        and math.isfinite(layer.grad_norm)
        and "Norm" not in layer.kind
        and "Embedding" not in layer.kind
    ]


def initial_scale(course: Course) -> Iterator[Finding]:
    """Yield a finding where the first weights make values many times larger, and the training suffers from it."""
    traits = course.traits
    if traits is None or not traits.gains or len(course.losses) < 20:
        return
    largest, level = max(traits.gains.values()), chance(course)
    sure = level is not None and course.losses[0] > 2 * level + 0.5
    if largest > LARGE_GAIN and (sure or not learns(course, 0.5)):
        # Of several that are as large the first is where it begins.
        where = next(path for path, gain in traits.gains.items() if gain > 0.8 * largest)
        evidence: dict[str, Any] = {"gain": traits.gains[where], "series": course.loss_series()}
        yield Finding("initial-weights-large", where, 0, evidence, severity=0.91)


def alike(course: Course) -> Iterator[Finding]:
    """Yield a finding of layers whose units began as copies of each other, and so remain."""
    if course.traits is not None and course.traits.alike:
        where = course.traits.alike[0]
        evidence: dict[str, Any] = {"layers": ", ".join(course.traits.alike)}
        yield Finding("units-alike", where, 0, evidence, severity=0.95)


def options(course: Course) -> Iterator[Finding]:
    """Yield findings of layers whose options let next to nothing through, or are never learned."""
    traits = course.traits
    if traits is None:
        return
    for path, p in traits.dropout.items():
        if p >= _STRONG_DROPOUT:
            yield Finding("dropout-strong", path, 0, {"p": p, "kept": 1 - p}, severity=0.86)
    if traits.frozen and not traits.loaded:
        where = traits.frozen[0].rpartition(".")[0]
        yield Finding("layer-frozen", where, 0, {"names": ", ".join(traits.frozen[:4])}, severity=0.6)


def vanishing_weights(course: Course) -> Iterator[Finding]:
    """Yield a finding where the weight decay has eaten the weights."""
    decay = float(course.facts.options.get("weight_decay") or 0.0)
    if decay < 1e-3 or len(course.looks) < 3:
        return
    shrunk = {}
    for path, layer in course.looks[-1].layers.items():
        first = course.looks[0].layers.get(path)
        if first is None or not first.weight_norm or layer.weight_norm is None or "Norm" in layer.kind:
            continue
        # Weights thrown far before they shrank are the rate's fault, by which the decay is multiplied.
        if max(size for _, size in course.series(path, "weight_norm")) <= units.GROWN * first.weight_norm:
            shrunk[path] = layer.weight_norm / first.weight_norm
    worst = min(shrunk, key=lambda path: shrunk[path], default=None)
    if worst is not None and shrunk[worst] < _KEPT_WEIGHTS and not learns(course, 0.7):
        # Where all layers suffer alike it is no matter of one.
        where = "" if all(left < 2 * _KEPT_WEIGHTS for left in shrunk.values()) else worst
        evidence: dict[str, Any] = {
            "layer": worst,
            "decay": decay,
            "left": shrunk[worst],
            "series": course.series(worst, "weight_norm"),
        }
        yield Finding("weights-decayed", where, course.looks[0].step, evidence, severity=0.9)


def stale(course: Course) -> Iterator[Finding]:
    """Yield a finding of a batch normalisation whose running statistics are not those of the batches."""
    if course.traits is None:
        return
    for path, momentum in course.traits.momenta.items():
        series = course.series(path, "stale")
        if not series or len(course.losses) < 60 or momentum is None:
            continue
        late = float(np.median([value for _, value in series[-4:]]))
        record = course.records[-1] if course.records else {}
        loss, other = record.get("again_loss", record.get("valid_loss")), record.get("loss")
        worse = loss is None or (other is not None and loss > 1.5 * other + 0.05)
        if late > 1.0 and worse:
            evidence: dict[str, Any] = {"distance": late, "momentum": momentum, "series": series}
            if loss is not None and other is not None:
                evidence |= {"loss": other, "evaluated": loss}
            yield Finding("statistics-stale", path, int(series[-1][0]), evidence, severity=0.84)
            return


DETECTORS = (dead_units, saturated, depth, initial_scale, alike, options, vanishing_weights, stale)
