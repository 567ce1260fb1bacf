"""What the measured facts of a sweep say: the best, how sure that is, what each factor does, what failed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .analysis import Statement
from .sweep_view import SweepView

__all__ = ["analyse_sweep"]

# Beyond so many ways to deal out the values an exact test would take too long.
_MOST_WAYS = 200_000
_THRESHOLD = 0.05
_FEW = 5


def analyse_sweep(view: SweepView) -> list[Statement]:
    """Return all that can be said of a sweep."""
    if not view.ranked():
        return [Statement("sweep none"), *_failures(view)]
    found: list[Statement] = []
    for rule in (_best, _second, _factors, _spread, _caution, _failures):
        found += rule(view)
    return found


Found = Iterator[Statement]


def _levels(view: SweepView, row: Any) -> list[Any]:
    """Return what tells a row from the others, as statements."""
    entries = [Statement("level", {"name": name, "level": label}) for name, label in row.levels.items()]
    return entries or [view.summary.plan.name]


def _best(view: SweepView) -> Found:
    row, metric = view.ranked()[0], view.summary.metric
    mean, deviation = view.mean(row, metric), view.deviation(row, metric)
    places: dict[str, Any] = {"metric": f"word:{metric}", "levels": _levels(view, row), "mean": (mean, "figure")}
    if deviation is None:
        yield Statement("sweep best", places)
    else:
        count = view.facts.derive("count", view.values(row, metric))
        yield Statement("sweep best spread", {**places, "deviation": (deviation, "figure"), "count": (count, "count")})


def _second(view: SweepView) -> Found:
    rows, metric = view.ranked(), view.summary.metric
    if len(rows) < 2:
        return
    first, second = (view.values(row, metric) for row in rows[:2])
    means = [view.mean(row, metric) for row in rows[:2]]
    difference = view.facts.derive("difference", *(reversed(means) if view.smaller else means))
    if difference is None:
        return
    levels = _levels(view, rows[1])
    if difference.value == 0:
        yield Statement("sweep tie", {"levels": levels})
        return
    places: dict[str, Any] = {"difference": (difference, "figure"), "levels": levels}
    ways = math.comb(len(first) + len(second), len(first))
    if min(len(first), len(second)) < 2 or ways > _MOST_WAYS:
        yield Statement("sweep second", places)
        return
    p = view.facts.derive("exact permutation test", first, second)
    assert p is not None
    yield Statement("sweep second p", {**places, "p": (p, "small")})
    yield Statement("sweep significant" if p.value < _THRESHOLD else "sweep chance")
    # Both the split at hand and its mirror image are as extreme as can be, when the groups are of one size.
    smallest = (2 if len(first) == len(second) else 1) / ways
    if smallest >= _THRESHOLD:
        yield Statement("sweep few", {"count": str(len(first)), "p": f"{smallest:.3g}"})


def _factors(view: SweepView) -> Found:
    if view.summary.plan.mode != "one":
        return
    metric = view.summary.metric
    for name, rows in view.groups():
        known = [(labels[0], mean) for labels, row in rows if (mean := view.mean(row, metric)) is not None]
        if len(known) < 2:
            continue
        ordered = sorted(known, key=lambda pair: pair[1].value, reverse=not view.smaller)
        (best_level, best), (worst_level, worst) = ordered[0], ordered[-1]
        pair = (worst, best) if view.smaller else (best, worst)
        yield Statement(
            "sweep effect",
            {
                "factor": name,
                "difference": (view.facts.derive("difference", *pair), "figure"),
                "worst": (worst, "figure"),
                "best": (best, "figure"),
                "worst_level": worst_level,
                "best_level": best_level,
            },
        )


def _spread(view: SweepView) -> Found:
    metric = view.summary.metric
    spreads = [(row, deviation) for row in view.ranked() if (deviation := view.deviation(row, metric)) is not None]
    if len(spreads) > 1:
        row, largest = max(spreads, key=lambda pair: pair[1].value)
        yield Statement("sweep spread", {"deviation": (largest, "figure"), "levels": _levels(view, row)})


def _caution(view: SweepView) -> Found:
    count = len(view.summary.plan.seeds)
    if count == 1:
        yield Statement("sweep caution one")
    elif count < _FEW:
        seeds = view.facts.derive("count", view.plan_fact("seeds"))
        yield Statement("sweep caution few", {"count": (seeds, "count")})


def _failures(view: SweepView) -> Found:
    failed = [failure.why for row in view.summary.rows for failure in row.failures.values()]
    if failed:
        total = view.facts.derive("count", view.plan_fact("trials"))
        reasons = [f"{why} ({failed.count(why)})" for why in dict.fromkeys(failed)]
        yield Statement(
            "sweep failures", {"count": str(len(failed)), "total": (total, "count"), "reasons": list(reasons)}
        )
