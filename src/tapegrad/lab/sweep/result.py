"""What came out of a sweep: figures of each trial, and tables with mean ± standard deviation over seeds."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, did_you_mean
from ...train.metrics import best_is_smallest
from ..tables import Cell, Column, Spread, Table
from .folder import Failure, Sweep
from .plan import Plan, Trial

__all__ = ["Row", "Summary", "check_metric", "read_summary"]

_PARTS = ("test", "valid", "train")
# What decides which level is best, unless the sweep says.
_DECIDING = ("accuracy", "scaled_accuracy", "mae", "mse", "loss")


def direction(metric: str) -> str | None:
    """Return whether the largest (``"max"``) or the smallest (``"min"``) value is the best; None when that is not known.

    >>> direction("test_accuracy"), direction("valid_loss"), direction("test_size")
    ('max', 'min', None)
    """
    try:
        return "min" if best_is_smallest(metric) else "max"
    except ArgumentError:
        return None


@dataclasses.dataclass(frozen=True)
class Row:
    """A combination of levels with what its trials, one for each seed, came to.

    ``values`` maps names such as ``test_accuracy`` to the figures of the finished trials, in the order of the seeds.
    """

    levels: dict[str, str]
    trials: tuple[Trial, ...]
    values: dict[str, list[float]]
    failures: dict[int, Failure]

    @property
    def finished(self) -> int:
        """How many of the trials have a result."""
        return len(self.trials) - len(self.failures)

    def spread(self, name: str) -> Spread | None:
        """Return mean and standard deviation of a figure over the seeds that have it, or None."""
        return Spread.of(self.values[name]) if self.values.get(name) else None

    def reasons(self) -> str | None:
        """Return why trials failed, the seeds of each reason together."""
        seeds: dict[str, list[str]] = {}
        for seed, failure in self.failures.items():
            seeds.setdefault(failure.why, []).append(str(seed))
        groups = [f"{'seed' if len(s) == 1 else 'seeds'} {', '.join(s)}: {why}" for why, s in seeds.items()]
        return "; ".join(groups) or None


@dataclasses.dataclass(frozen=True)
class Summary:
    """A sweep's rows, the names of its figures, and the one that decides which row is best."""

    plan: Plan
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    metric: str

    def row(self, levels: dict[str, str]) -> Row:
        """Return the row of a combination of levels."""
        return next(row for row in self.rows if row.levels == levels)

    def of_factor(self, name: str) -> list[tuple[str, Row]]:
        """Return a factor's levels with their rows, all other factors as in the recipe (one factor at a time only)."""
        factor = next(factor for factor in self.plan.factors if factor.name == name)
        own = {other.name: other.own or "" for other in self.plan.factors}
        return [(level.label, self.row({**own, name: level.label})) for level in factor.levels]

    def best(self) -> Row | None:
        """Return the row with the best mean of the deciding metric, the first of equals; None when all failed."""
        choose = min if direction(self.metric) == "min" else max
        rows = [row for row in self.rows if row.values.get(self.metric)]
        rows = [row for row in rows if all(map(math.isfinite, row.values[self.metric]))]
        return choose(rows, key=lambda row: statistics.fmean(row.values[self.metric]), default=None)

    def tables(self) -> list[Table]:
        """Return one table for each factor, or one with all combinations for a grid and for random trials."""
        if self.plan.mode == "one" and self.plan.factors:
            return [self._factor_table(factor.name) for factor in self.plan.factors]
        factors = [factor.name for factor in self.plan.factors]
        return [self._table(factors, [([row.levels[f] for f in factors], row) for row in self.rows], self.plan.name)]

    def _factor_table(self, name: str) -> Table:
        return self._table([name], [([label], row) for label, row in self.of_factor(name)], name)

    def _table(self, heads: list[str], rows: Sequence[tuple[list[str], Row]], caption: str) -> Table:
        failed = any(row.failures for _, row in rows)
        shown = [name for name in shown_names(self.names, self.metric) if any(row.values.get(name) for _, row in rows)]
        columns = [Column(head) for head in heads]
        columns += [Column(name.replace("_", " "), direction(name)) for name in shown]
        columns += [Column("runs"), Column("failed", long=True)] if failed else []
        table = Table(columns, caption=caption)
        for labels, row in rows:
            why: list[Cell] = [f"{row.finished}/{len(row.trials)}", row.reasons() or ""] if failed else []
            table.add(*labels, *(row.spread(name) for name in shown), *why)
        return table

    def flat_table(self) -> Table:
        """Return all combinations with all figures in one table, for a file of raw numbers."""
        factors = [factor.name for factor in self.plan.factors]
        table = Table([*map(Column, factors), Column("trials"), Column("finished"), *map(Column, self.names)])
        for row in self.rows:
            figures = [row.spread(name) for name in self.names]
            table.add(*(row.levels[f] for f in factors), len(row.trials), row.finished, *figures)
        return table


def shown_names(names: Sequence[str], metric: str) -> list[str]:
    """Return the figures that a printed table has, the deciding one first.

    >>> shown_names(["train_accuracy", "train_loss", "test_accuracy", "test_loss", "test_auroc"], "test_accuracy")
    ['test_accuracy', 'test_auroc', 'train_accuracy', 'train_loss']
    """
    part, _, base = metric.partition("_")
    others = [name for name in names if name.startswith(f"{part}_") and name != f"{part}_loss"]
    wanted = [metric, *others, *(f"{p}_{base}" for p in _PARTS), "valid_loss", "train_loss"]
    return [name for name in dict.fromkeys(wanted) if name in names]


def read_summary(sweep: Sweep, metric: str | None = None) -> Summary:
    """Return what a sweep's trials came to. A trial without result and failure counts as one that was not run.

    ``metric`` decides what is best (default: the sweep's own, else accuracy on the test set, else the first of
    accuracy, absolute error and loss that there is). Raises ArgumentError for a metric that no trial has.
    """
    plan = sweep.plan
    rows = []
    for levels, trials in plan.settings():
        values: dict[str, list[float]] = {}
        failures: dict[int, Failure] = {}
        for trial in trials:
            figures = figures_of(sweep, trial)
            if figures is None:
                failures[trial.seed] = sweep.failure(trial) or Failure("it has not been run")
                continue
            for name, value in figures.items():
                values.setdefault(name, []).append(value)
        rows.append(Row(levels, tuple(trials), values, failures))
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    names.sort(key=lambda name: _PARTS.index(name.partition("_")[0]))
    return Summary(plan, tuple(rows), tuple(names), _deciding(names, metric or plan.metric))


def check_metric(config: Any, metric: str | None) -> None:
    """Refuse a deciding metric that the trials of a configuration will not have, before any of them runs."""
    measured = ["accuracy", "mae"] if config.metrics is None else [component.type for component in config.metrics]
    known = [f"{part}_{base}" for part in _PARTS for base in ("loss", *measured)]
    if metric is not None and metric not in known:
        raise ArgumentError("--metric", f"no trial will have '{metric}'", did_you_mean(metric, known))


def figures_of(sweep: Sweep, trial: Trial) -> dict[str, float] | None:
    """Return a finished trial's figures: ``train_``, ``valid_`` and ``test_`` of loss and metrics; None without a result."""
    result = sweep.run(trial).result
    if result is None:
        return None
    return {
        name: float(value)
        for name, value in result.items()
        if name.partition("_")[0] in _PARTS and _is_number(value) and "_" in name
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _deciding(names: Sequence[str], metric: str | None) -> str:
    if metric is not None:
        if names and metric not in names:
            raise ArgumentError("--metric", f"no trial has '{metric}'", did_you_mean(metric, names))
        return metric
    # What is chosen by the test set is no longer measured by it.
    candidates = [f"{part}_{base}" for base in _DECIDING for part in ("valid", "test", "train")]
    return next((name for name in candidates if name in names), names[0] if names else candidates[0])
