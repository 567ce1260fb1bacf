"""All that is compared, from every source of cases; a name that two sources know is held to both."""

from __future__ import annotations

import functools

from . import expressions, initialisations, layers, operations, optimizers, schedulers
from .case import Subject

SOURCES = (operations, layers, optimizers, schedulers, initialisations, expressions)


def subjects() -> list[Subject]:
    """Each public name once, in the order of the sources."""
    merged: dict[str, list[Subject]] = {}
    for source in SOURCES:
        for subject in source.subjects():
            merged.setdefault(subject.name, []).append(subject)
    return [group[0] if len(group) == 1 else _together(group) for group in merged.values()]


def _together(group):
    first = group[0]
    return Subject(first.name, first.kind, first.present, functools.partial(_chained, group))


def _chained(group, fast):
    for subject in group:
        yield from subject.cases(fast=fast)
