"""Faults that the losses show: too high and too low a rate, oscillation, spikes, a loss that is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..finding import Finding
from ..observe import Course
from . import units
from .levels import ended, learns, losses_of, median_ratio, smoothed, started

__all__ = ["DETECTORS"]

# A training that gets nowhere needs that many updates to be told from one that is only beginning.
_FEW = 60
# Updates in which a rate that is too high shows itself at the start.
_FIRST = 30
# A loss of so many times the first one is no noise between batches.
_GROWN = 3.0
# An update that changes a layer by more than a third of it forgets what was learned.
_LARGE_UPDATE = 0.3
# An update below this, of a thousand that are alike, moves weights by 2 %: it would take ten thousands to learn.
_SMALL_UPDATE = 5e-5
# The gradient is not to blame when it would move the weights by that share at a rate of 1.
_USEFUL_GRADIENT = 1e-3
_SELF_SCALING = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop", "Lion", "LAMB")
# How successive changes of the loss correlate: of independent noise by -0.5, of what goes up and down by turns by -1.
_SWINGING = -0.85
_SWING = 0.2
# A loss so many times what all of the 20 before it were.
_SPIKE = 5.0
_WINDOW = 20
# Rates fallen by a thousand times stand still.
_DECAYED = 1e-3
# Rates above it are rare, and where the second loss is not finite they are to blame.
_USUAL_RATE = 1.0


def not_finite(course: Course) -> Iterator[Finding]:
    """Yield a finding where the loss became nan or infinite: the operation that it began with."""
    failure = course.failure
    if failure is None:
        return
    evidence: dict[str, Any] = {
        **({"operation": failure.operation, "part": failure.part or "?"} if failure.operation else {}),
        "rate": course.rates[-1][1] if course.rates else math.nan,
        "series": course.loss_series(),
    }
    if failure.part == "data":
        yield Finding("batch-not-finite", "", failure.step, evidence, severity=0.99)
        return
    # Growth before it makes it a consequence; without, the operation itself is the cause.
    grown = _grown(course)
    yield Finding("not-finite", failure.module, failure.step, evidence, severity=0.75 if grown else 0.96)


def _grown(course: Course) -> bool:
    finite = [v for v in course.losses if math.isfinite(v)]
    if len(finite) > 1 and max(finite[-3:]) > _GROWN * abs(started(course)) + 1:
        return True
    return units.pushed(course) is not None


def rate_too_high(course: Course) -> Iterator[Finding]:
    """Yield a finding where updates are so large that the loss rises or jumps about, or that units are lost by them."""
    found = list(_wild_losses(course))
    yield from found
    if not any(finding.fault == "rate-too-high" for finding in found):
        yield from _thrown_weights(course)


def _thrown_weights(course: Course) -> Iterator[Finding]:
    """Yield a finding where it is the weights that tell, and not the losses, of which a run's folder has few."""
    rate, push = _rate(course), units.pushed(course)
    if rate is None or push is None:
        return
    stays = push.growth > units.GROWN and course.step >= _FEW and not learns(course, 1.0)
    if stays or units.killed(course):
        # A schedule may have raised it since.
        rate = max([rate, *(value for step, value in course.rates if step <= push.step)])
        losses = course.losses or [r["loss"] for r in course.records if "loss" in r]
        worst = max((v for v in losses if math.isfinite(v)), default=math.nan)
        evidence: dict[str, Any] = {"rate": rate, "first": losses[0] if losses else math.nan, "worst": worst}
        evidence |= {"ratio": push.ratio, "series": course.loss_series()}
        evidence |= {"growth": push.growth} if push.growth > units.GROWN else {}
        yield Finding("rate-too-high", "", push.step, evidence, severity=0.89)


def _wild_losses(course: Course) -> Iterator[Finding]:
    losses, rate = course.losses, _rate(course)
    # Two losses tell of a rate that is beyond any usual one, and of no other.
    if rate is None or len(losses) < (2 if rate > _USUAL_RATE else 3):
        return
    ratio = median_ratio(course)
    finite = [v for v in losses if math.isfinite(v)]
    # Dead units and weights grown large hardly move any more: what threw them was larger.
    push = units.pushed(course)
    share = push.ratio if push is not None else ratio if ratio is not None else math.nan
    evidence: dict[str, Any] = {"rate": rate, "first": losses[0], "ratio": share, "series": course.loss_series()}
    early = [v for v in losses[1 : _FIRST + 1] if math.isfinite(v)]
    jumped = bool(early) and max(early) > _GROWN * abs(losses[0]) + 0.5 and _is_moved(course)
    broken = course.failure is not None and course.failure.part != "data" and _grown(course)
    stays = len(finite) >= _FIRST and ended(course) > 0.9 * losses[0]
    if broken or (jumped and (stays or len(losses) < _FIRST or not learns(course, 0.5))):
        where = max(range(len(early)), key=lambda i: early[i]) + 1 if early else 0
        since = course.steps[min(where, len(course.steps) - 1)]
        evidence["worst"] = max(finite, default=math.nan)
        yield Finding("rate-too-high", "", since, evidence, severity=0.89)
        return
    if len(losses) >= _FEW and _is_swinging(losses) and not learns(course, 0.5):
        evidence["swing"] = _swing(losses)
        yield Finding("oscillation", "", course.steps[1], evidence, severity=0.78)
    elif len(losses) >= _FEW and ratio is not None and ratio > _LARGE_UPDATE and not learns(course, 0.7):
        evidence["worst"] = max(finite, default=math.nan)
        yield Finding("rate-too-high", "", course.looks[0].step, evidence, severity=0.89)


def _is_moved(course: Course) -> bool:
    """Return whether an early update was large enough to be what made the loss jump, and not a batch."""
    ratios = [
        layer.update_ratio
        for look in course.looks[:6]
        for layer in look.layers.values()
        if layer.update_ratio is not None and layer.weight_norm
    ]
    return not ratios or max(ratios) > 0.1


def _swing(losses: list[float]) -> float:
    """Return how far losses swing from one update to the next, as a share of their level."""
    late = np.asarray(losses[len(losses) // 2 :])
    return float(np.abs(np.diff(late)).mean() / max(abs(float(late.mean())), 1e-12))


def _is_swinging(losses: list[float]) -> bool:
    late = np.asarray(losses[len(losses) // 2 :])
    changes = np.diff(late)
    if len(changes) < 10 or not np.isfinite(late).all() or changes.std() == 0:
        return False
    return float(np.corrcoef(changes[1:], changes[:-1])[0, 1]) < _SWINGING and _swing(losses) > _SWING


def rate_too_low(course: Course) -> Iterator[Finding]:
    """Yield a finding where the gradient is there, but an update hardly moves the weights, and the loss is still high."""
    ratio, rate = median_ratio(course), _rate(course)
    if len(course.losses) < _FEW or ratio is None or not rate or _has_decayed(course):
        return
    if course.rates[-1][1] > 1.5 * rate:
        # It is still being warmed up.
        return
    adaptive = course.facts.optimizer in _SELF_SCALING
    usable = adaptive or ratio / rate > _USEFUL_GRADIENT
    if not 0 < ratio < _SMALL_UPDATE or not usable or _is_clipped(course):
        return
    pieces = smoothed(course)
    crawling = pieces[-1] > 0.6 * started(course) or pieces[-1] < 0.95 * pieces[len(pieces) // 2]
    if crawling and ended(course) > 0.3 * started(course):
        evidence: dict[str, Any] = {"rate": rate, "ratio": ratio, "first": started(course), "last": ended(course)}
        evidence["series"] = course.loss_series()
        yield Finding("rate-too-low", "", course.looks[0].step, evidence, severity=0.8)


def _is_clipped(course: Course) -> bool:
    practice = course.practice
    return practice is not None and any(norm > 100 * most for norm, most in practice.clipped)


def _rate(course: Course) -> float | None:
    return course.rates[0][1] if course.rates and math.isfinite(course.rates[0][1]) else None


def _has_decayed(course: Course) -> bool:
    highest = max((rate for _, rate in course.rates), default=0.0)
    return bool(course.rates) and course.rates[-1][1] <= _DECAYED * highest


def rate_decayed(course: Course) -> Iterator[Finding]:
    """Yield a finding where the schedule brought the rate to nothing long before the end, with the loss still high."""
    if len(course.losses) < _FEW or not _has_decayed(course):
        return
    highest = max(rate for _, rate in course.rates)
    step = next(step for step, rate in course.rates if rate <= _DECAYED * highest and step > course.rates[0][0])
    facts = course.facts
    total = max(course.step, facts.steps or facts.epochs * facts.batches)
    at = int(np.searchsorted(course.steps, step))
    then = course.losses[max(at - 5, 0) : at + 5]
    if step > 0.6 * total or not then or np.mean(then) < 0.3 * started(course):
        return
    evidence: dict[str, Any] = {
        "rate": course.rates[-1][1],
        "highest": highest,
        "first": started(course),
        "last": ended(course),
    }
    evidence["series"] = course.loss_series()
    yield Finding("rate-decayed", "", step, evidence, severity=0.82)


def spike(course: Course) -> Iterator[Finding]:
    """Yield a finding where the loss jumps in a single update to many times all losses before it, and comes back."""
    losses = losses_of(course)
    if len(losses) < _FEW or not np.isfinite(losses).all() or course.failure is not None:
        return
    # Single samples differ by as much as spikes do.
    size = course.facts.batch_size or 16
    factor = _SPIKE * max(1.0, (16 / size) ** 0.5)
    highest = np.lib.stride_tricks.sliding_window_view(losses, _WINDOW).max(axis=1)[_FIRST - _WINDOW : -1]
    bounds = factor * np.maximum(highest, started(course))
    beyond = np.flatnonzero((losses[_FIRST:] > bounds) & (bounds > 0))
    if len(beyond):
        i = int(beyond[0]) + _FIRST
        evidence: dict[str, Any] = {"loss": float(losses[i]), "before": float(np.median(losses[i - _WINDOW : i]))}
        evidence["series"] = course.loss_series()
        yield Finding("loss-spike", "", course.steps[i], evidence, severity=0.65)


DETECTORS = (not_finite, rate_too_high, rate_too_low, rate_decayed, spike)
