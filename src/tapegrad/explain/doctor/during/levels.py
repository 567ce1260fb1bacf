"""What several detectors ask of a course: where its losses began and ended, how fast its layers move."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..observe import Course

__all__ = ["chance", "ended", "learns", "losses_of", "median_ratio", "smoothed", "started"]


# Below it a batch's loss is more noise than level; so many samples give a level.
_SMALL_BATCH = 16
_ENOUGH = 48


def losses_of(course: Course) -> np.ndarray:
    """Return the losses as an array, made once for all detectors that ask before there are more."""
    held = vars(course).get("_losses")
    if held is None or len(held) != len(course.losses):
        held = vars(course)["_losses"] = np.asarray(course.losses, np.float64)
    return held


def smoothed(course: Course, pieces: int = 10) -> list[float]:
    """Return the mean losses of so many equally long pieces of the course; fewer where it is short."""
    losses = losses_of(course)
    pieces = min(pieces, len(losses))
    if not pieces:
        return []
    edges = np.linspace(0, len(losses), pieces + 1).astype(int)
    with np.errstate(all="ignore"):
        return [float(losses[a:b].mean()) for a, b in itertools.pairwise(edges)]


def started(course: Course) -> float:
    """Return the loss at the start, of as many updates as no single batch, or sample, decides."""
    if not course.losses:
        return math.nan
    size = course.facts.batch_size
    if 0 < size < _SMALL_BATCH:
        return float(np.mean(course.losses[: -(-_ENOUGH // size)]))
    return min(course.losses[0], float(np.median(course.losses[:3])))


def ended(course: Course) -> float:
    """Return the loss at the end: the mean of the last tenth, of five losses at least."""
    count = max(len(course.losses) // 10, 5)
    with np.errstate(all="ignore"):
        return float(np.mean(course.losses[-count:])) if course.losses else math.nan


def chance(course: Course) -> float | None:
    """Return the loss of answering the same for all inputs; None where it is not known."""
    facts, sample = course.facts, course.sample
    if sample is None or facts.loss not in ("CrossEntropyLoss", "NLLLoss") or not sample.frequencies:
        return None
    shares = np.array(list(sample.frequencies.values())) / sample.rows
    return float(-(shares * np.log(shares)).sum())


def learns(course: Course, share: float = 0.9) -> bool:
    """Return whether the loss at the end is below that share of the loss at the start, and of guessing."""
    level = chance(course)
    first, last = (started(course), ended(course)) if course.losses else _reported(course)
    bound = first if level is None else min(first, level)
    return last < share * bound if bound > 0 else last < bound


def _reported(course: Course) -> tuple[float, float]:
    """Return the first and the last loss that was reported: of a run's folder that is all that is known."""
    reported = [record["loss"] for record in course.records if "loss" in record]
    return (reported[0], reported[-1]) if reported else (math.nan, math.nan)


def median_ratio(course: Course, last: int = 4) -> float | None:
    """Return the median over layers, and over the last looks, of |change| / |weights| in one update."""
    ratios = [
        layer.update_ratio
        for look in course.looks[-last:]
        for layer in look.layers.values()
        if layer.update_ratio is not None and layer.weight_norm
    ]
    return float(np.median(ratios)) if ratios else None
