"""A sweep as a report sees it: its plan, its rows, and facts on each row's figures."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

from ..sweep import Summary, Sweep, read_summary
from ..sweep.result import Row, direction, shown_names
from .facts import Fact, Facts, Files

__all__ = ["SweepView"]


class SweepView:
    """Reads one sweep's folder. ``prefix`` begins the names of its facts."""

    def __init__(self, folder: pathlib.Path, facts: Facts, prefix: str = ""):
        self.folder = folder
        self.facts = facts
        self.prefix = prefix
        self.files = Files(folder)
        self.sweep = Sweep(folder)
        self.summary: Summary = read_summary(self.sweep)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def title(self) -> str | dict[str, str]:
        """The title of the recipe that was varied."""
        return (self.files.tree("recipe.yaml") or {}).get("title") or ""

    @functools.cached_property
    def smaller(self) -> bool:
        """Whether small values of the deciding figure are good."""
        return direction(self.summary.metric) == "min"

    @property
    def figures(self) -> list[str]:
        """The names of the figures that tables show, the deciding one first."""
        return shown_names(self.summary.names, self.summary.metric)

    def values(self, row: Row, figure: str) -> list[Fact]:
        """Return a figure of each finished trial of a row."""
        folders = [f"trials/{trial.folder}/result.json" for trial in row.trials]
        facts = [self.facts.read(self.files, file, figure, prefix=self.prefix) for file in folders]
        return [fact for fact in facts if fact is not None and isinstance(fact.value, (int, float))]

    def mean(self, row: Row, figure: str) -> Fact | None:
        """Return the mean of a figure over a row's trials, or the one value that there is."""
        values = self.values(row, figure)
        return values[0] if len(values) == 1 else self.facts.derive("mean", values) if values else None

    def deviation(self, row: Row, figure: str) -> Fact | None:
        """Return the standard deviation of a figure over a row's trials; None with fewer than two."""
        values = self.values(row, figure)
        return self.facts.derive("standard deviation", values) if len(values) > 1 else None

    def ranked(self) -> list[Row]:
        """Return the rows with a result, the best first."""
        rows = [(row, self.mean(row, self.summary.metric)) for row in self.summary.rows]
        known = [(row, mean.value) for row, mean in rows if mean is not None and mean.value == mean.value]
        return [row for row, _ in sorted(known, key=lambda pair: pair[1] if self.smaller else -pair[1])]

    def groups(self) -> list[tuple[str, list[tuple[list[str], Row]]]]:
        """Return the tables' rows: for each factor its levels, or all combinations under ""."""
        plan = self.summary.plan
        if plan.mode == "one" and plan.factors:
            return [
                (factor.name, [([label], row) for label, row in self.summary.of_factor(factor.name)])
                for factor in plan.factors
            ]
        return [("", [([row.levels[f.name] for f in plan.factors], row) for row in self.summary.rows])]

    def plan_fact(self, *keys: Any) -> Fact | None:
        """Return an entry of ``sweep.json``."""
        return self.facts.read(self.files, "sweep.json", *keys, prefix=self.prefix)
