"""Giving findings their advice."""

from __future__ import annotations

import dataclasses

from ..finding import Finding
from ..observe import Course
from . import before, during
from .case import Case
from .lines import Line

__all__ = ["REMEDIES", "advised"]

REMEDIES = before.REMEDIES | during.REMEDIES


def advised(finding: Finding, course: Course) -> Finding:
    """Return a finding with what to try: ``advice``, a line of YAML, and ``code``, a line of Python.

    A fault that no recipe can have, or that lies in the data or in the Python code that a recipe names, has no line of YAML.

    >>> from ..observe import Facts
    >>> course = Course(facts=Facts(optimizer="SGD", options={"lr": 3.0, "momentum": 0.9}))
    >>> found = advised(Finding("rate-too-high", evidence={"rate": 3.0}), course)
    >>> found.advice, found.code
    ('optimizer: {lr: 0.3}', 'optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)')
    """
    remedy, case = REMEDIES[finding.fault], Case(finding, course)
    yaml, code = remedy(case) if callable(remedy) else (_line(line, case) for line in remedy)
    return dataclasses.replace(finding, advice=yaml, code=code)


def _line(line: Line, case: Case) -> str:
    return line(case) if callable(line) else line
