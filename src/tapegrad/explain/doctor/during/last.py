"""The last resort of a diagnosis: that nothing is learned, where no cause of it was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..finding import Finding
from ..observe import Course
from . import fit, layers, loop, losses
from .levels import ended, learns, smoothed, started

__all__ = ["DETECTORS"]

# A training that gets nowhere needs that many updates to be told from one that is only beginning.
_MANY = 120
_CONSTANT = 1e-4


def standstill(course: Course) -> Iterator[Finding]:
    """Yield a finding where the loss does not get lower, and none of the other detectors says why."""
    if len(course.losses) < _MANY or course.failure is not None or learns(course, 0.97):
        return
    causes = (*loop.DETECTORS, *layers.DETECTORS, *losses.DETECTORS, *fit.DETECTORS)
    if any(True for detector in causes for _ in detector(course)):
        return
    pieces = smoothed(course)
    evidence: dict[str, Any] = {"first": started(course), "last": ended(course), "steps": len(course.losses)}
    evidence["series"] = course.loss_series()
    constant = max(pieces[2:]) - min(pieces[2:]) < _CONSTANT * abs(pieces[-1])
    yield Finding("constant-loss" if constant else "no-progress", "", course.steps[0], evidence, severity=0.42)


DETECTORS = (standstill,)
