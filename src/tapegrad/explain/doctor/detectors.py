"""The detectors that look at a course. Each is a function of a :class:`~.observe.Course` that yields findings.

A detector may be called again and again with a course that grows; it tells its finding each time (with the ``since`` of
when it began), and whoever calls keeps the first of each fault and place. It must be quick (well under a millisecond
for 10,000 losses) and must not change the course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import before, before_data
from .causes import causes_of
from .during import fit, last, layers, loop, losses
from .finding import Finding
from .observe import Course
from .remedies.advise import advised

__all__ = ["DETECTORS", "detect", "judged"]

DETECTORS: tuple[Callable[[Course], Iterable[Finding]], ...] = (
    *loop.DETECTORS,
    *layers.DETECTORS,
    *losses.DETECTORS,
    *fit.DETECTORS,
    *last.DETECTORS,
    *before.LASTING,
)


def detect(course: Course) -> list[Finding]:
    """Return what the detectors find in a course, with advice, by falling severity."""
    return causes_of(advised(finding, course) for detector in DETECTORS for finding in detector(course))


def judged(course: Course) -> list[Finding]:
    """Return what the checks of the start and the detectors find in a course that is over, with advice, by falling severity."""
    checks = (*before.CHECKS, *before_data.CHECKS, *DETECTORS)
    return causes_of(advised(finding, course) for check in checks for finding in check(course))
