"""Faults of what is learned: too much of the training data, too little of it, or nothing, as there is nothing to learn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..finding import Finding
from ..observe import Course
from .levels import chance, ended, learns, median_ratio, smoothed, started

__all__ = ["DETECTORS"]

# Reports that it takes to see that validation got worse, and no single one was lucky.
_FEWEST_REPORTS = 4
# Between training and validation accuracy, in shares: below it chance and a lucky split may be the reason.
_GAP = 0.07
# Validation loss against its best, and against the training loss.
_WORSE = 1.2
_APART = 1.5
_FEW = 100
# So much more than a guess a method without parameters gets right where inputs tell anything of the targets.
_TELLING = 0.08
# An update that moves weights by that much does something.
_MOVING = 5e-5
_CONSTANT = 1e-3


def overfitting(course: Course) -> Iterator[Finding]:
    """Yield a finding where what is learned from the training data no longer holds for other data."""
    records = [r for r in course.records if "valid_loss" in r and "loss" in r]
    if len(records) < _FEWEST_REPORTS:
        return
    last = records[-1]
    values = [r["valid_loss"] for r in records]
    best = int(np.argmin(values))
    evidence: dict[str, Any] = {
        "best": values[best],
        "last": last["valid_loss"],
        "train": last["loss"],
        "epoch": records[best]["epoch"],
    }
    evidence["series"] = [[r["step"], r["valid_loss"]] for r in records]
    scale = max(values[0], records[0]["loss"])
    gap = last.get("accuracy", math.nan) - last.get("valid_accuracy", math.nan)
    evidence["gap"], evidence["reports"] = gap, len(records)
    # Of classes the loss may rise from a few sure mistakes while as many are right; of values it is all that there is.
    wide = gap > _GAP if math.isfinite(gap) else last["valid_loss"] > 2 * max(last["loss"], 0.0)
    apart = last["valid_loss"] > _APART * max(last["loss"], 0.0) + 0.02 * scale
    rising = best < len(records) - 2 and last["valid_loss"] - values[best] > max(
        (_WORSE - 1) * values[best], 0.05 * scale
    )
    if apart and wide and (rising or _runs_away(records)):
        step = int(records[min(best, len(records) // 2) if not rising else best]["step"])
        yield Finding("overfitting", "", step, evidence, severity=0.55)


def _runs_away(records: list[dict[str, float]]) -> bool:
    """Return whether, in the second half, the training loss fell three times as much as the validation loss."""
    middle, last = records[len(records) // 2], records[-1]
    fell = math.log(max(middle["loss"], 1e-12) / max(last["loss"], 1e-12))
    other = math.log(max(middle["valid_loss"], 1e-12) / max(last["valid_loss"], 1e-12))
    return last.get("accuracy", 0.0) > 0.9 and fell > 0.2 and fell > 3 * max(other, 0.0)


def unrelated(course: Course) -> Iterator[Finding]:
    """Yield a finding where the network moves and learns nothing, and neighbours do not tell the targets either."""
    sample = course.sample
    if sample is None or sample.nearest is None or sample.guess is None or len(course.losses) < _FEW:
        return
    ratio = median_ratio(course)
    if ratio is None or ratio < _MOVING or _is_memorised(course):
        return
    noise = 2 * math.sqrt(max(sample.guess * (1 - sample.guess), 0.01) / sample.rows)
    if sample.nearest - sample.guess > max(_TELLING, noise) or sample.guess > 0.9:
        return
    level = chance(course)
    first = _first_pass(course)
    nothing = ended(course) > 0.9 * (level if level is not None else started(course))
    if nothing or _fails_elsewhere(course):
        evidence: dict[str, Any] = {
            "nearest": sample.nearest,
            "guess": sample.guess,
            "first": started(course),
            "last": first,
        }
        evidence["series"] = course.loss_series()
        yield Finding("targets-unrelated", "", 0, evidence, severity=0.77)


def _first_pass(course: Course) -> float:
    return smoothed(course)[-1]


def _is_memorised(course: Course) -> bool:
    """Return whether what was learned holds elsewhere: then there is something to learn, whatever neighbours say."""
    record = course.records[-1] if course.records else {}
    right, sample = record.get("valid_accuracy"), course.sample
    return right is not None and sample is not None and sample.guess is not None and right > sample.guess + 0.15


def _fails_elsewhere(course: Course) -> bool:
    record = course.records[-1] if course.records else {}
    right, sample = record.get("valid_accuracy"), course.sample
    return right is not None and sample is not None and sample.guess is not None and right < sample.guess + 0.03


def same_answer(course: Course) -> Iterator[Finding]:
    """Yield a finding where the network gives next to the same output for every sample, although samples differ."""
    if len(course.losses) < _FEW or len(course.looks) < 3 or course.failure is not None or course.facts.batch_size == 1:
        return
    last, layer = next(reversed(course.looks[-1].layers.items()))
    series = course.series(last, "spread_share")
    if len(series) < 3 or max(value for _, value in series[-3:]) > _CONSTANT:
        return
    sample = course.sample
    evidence: dict[str, Any] = {"spread": series[-1][1], "kind": layer.kind, "series": series}
    fault = "same-value"
    if sample is not None and sample.frequencies:
        fault, evidence["share"] = "same-answer", max(sample.frequencies.values()) / sample.rows
    yield Finding(fault, last, int(series[-3][0]), evidence, severity=0.58)


def underfitting(course: Course) -> Iterator[Finding]:
    """Yield a finding where the loss has stopped falling, and a method without parameters does much better on the data."""
    sample = course.sample
    if sample is None or sample.nearest is None or len(course.losses) < 3 * _FEW or course.failure is not None:
        return
    pieces = smoothed(course)
    # Still falling: not yet done.
    if pieces[-1] < 0.97 * pieces[-4]:
        return
    reached, ratio = _reached(course), median_ratio(course)
    # Worse than a guess, or hardly moving, is no matter of size.
    if reached is None or ratio is None or ratio < _MOVING or reached < (sample.guess or 0.0) - 0.1:
        return
    if sample.nearest > reached + 0.12:
        evidence: dict[str, Any] = {
            "reached": reached,
            "nearest": sample.nearest,
            "last": pieces[-1],
            "parameters": course.facts.parameters,
        }
        evidence["series"] = course.loss_series()
        yield Finding("underfitting", "", course.steps[len(course.steps) * 6 // 10], evidence, severity=0.5)


def _reached(course: Course) -> float | None:
    """Return how well the network tells the training targets, as :class:`Sample` measures neighbours."""
    # With dropout, or inputs that are changed at random, training accuracy tells less than the network can.
    rights = [[r[name] for r in course.records[-3:] if name in r] for name in ("accuracy", "valid_accuracy")]
    if any(rights):
        return max(float(np.mean(values)) for values in rights if values)
    variance = _variance(course)
    return 1 - ended(course) / variance if course.facts.loss == "MSELoss" and variance else None


def _variance(course: Course) -> float | None:
    targets = None if course.start is None else course.start.targets
    return float(targets.var()) if targets is not None and targets.dtype.kind == "f" and targets.size > 20 else None


def targets_scale(course: Course) -> Iterator[Finding]:
    """Yield a finding of regression targets far from the numbers that a network begins with, which it does not reach."""
    targets = None if course.start is None else course.start.targets
    if (
        targets is None
        or targets.dtype.kind not in "fiu"
        or course.facts.loss not in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")
    ):
        return
    spread, mean = float(targets.std()), float(targets.mean())
    if not math.isfinite(spread) or abs(mean) + spread < 30 or learns(course, 0.02):
        return
    evidence: dict[str, Any] = {"mean": mean, "std": spread, "low": float(targets.min()), "high": float(targets.max())}
    yield Finding("targets-scale", "", 0, evidence, severity=0.92)


DETECTORS = (overfitting, unrelated, same_answer, underfitting, targets_scale)
