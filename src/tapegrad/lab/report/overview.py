"""The table in which several experiments stand beside each other, and their curves in one figure."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from ...errors import TapegradError
from ..sweep.result import direction
from .analysis import Statement
from .facts import Fact
from .sweep_view import SweepView
from .view import PARTS, RunView
from .writing import Writing

__all__ = ["overview"]

View = RunView | SweepView


def overview(out: Writing, views: Sequence[View], pictures: pathlib.Path) -> None:
    """Write one row for each experiment, a sweep by its best setting; runs on the same data share a figure of curves."""
    say = out.say
    out.heading("several")
    rows = [_Row(view, say) for view in views]
    comparable = len({row.data for row in rows}) == 1
    names = [f"{part}_{m}" for m in dict.fromkeys(m for row in rows for m in row.metrics) for part in PARTS]
    names = [name for name in names if any(row.figure(name) is not None for row in rows)]
    cells = []
    for row in rows:
        line: list[Any] = [
            row.label,
            say.value(row.result("parameters"), "count"),
            say.value(row.result("epochs"), "count"),
        ]
        for name in names:
            fact = row.figure(name)
            line.append(say.value(fact, "figure", comparable and _is_best(fact, name, rows)))
        cells.append([*line, say.value(row.result("seconds"), "seconds")])
    header = [say("several experiment"), say("parameters"), say("setup epochs")]
    header += [(say.word(name),) for name in names]
    align = "l" + "r" * (len(names) + 3)
    caption = say.text("several caption best" if comparable else "several caption")
    out.table([*header, say("several time")], cells, align, caption)
    if comparable:
        _curves(out, [view for view in views if isinstance(view, RunView)], pictures)


class _Row:
    """What the table says of an experiment."""

    def __init__(self, view: View, say: Any):
        self.view = view
        self.run = _best_run(view)
        self.data = self.run.config.data.set if self.run else None
        # Accuracy is accuracy, also where classes were learned as numbers.
        self.metrics = ["accuracy" if m == "scaled_accuracy" else m for m in self.run.metrics] if self.run else []
        self.label: Any = view.name
        if isinstance(view, SweepView) and view.ranked():
            levels = view.ranked()[0].levels.items()
            entries = [Statement("level", {"name": name, "level": label}).spans(say) for name, label in levels]
            self.label = (f"{view.name}: ", *say.listed(list(entries)))
        elif isinstance(view, RunView) and view.run.result is None:
            self.label = f"{view.name} ({say.text(f'status {view.run.status}')})"

    def result(self, name: str) -> Fact | None:
        """Return one of the final figures of the run, or of a sweep's best trial."""
        return self.run.result(name) if self.run else None

    def figure(self, name: str) -> Fact | None:
        """Return a final figure: of a sweep, the mean of its best setting."""
        part, _, metric = name.partition("_")
        found = [name, f"{part}_scaled_accuracy"] if metric == "accuracy" else [name]
        if isinstance(self.view, SweepView):
            rows = self.view.ranked()
            facts = [self.view.mean(rows[0], key) for key in found] if rows else []
        else:
            facts = [self.view.result(key) for key in found]
        return next((fact for fact in facts if fact is not None), None)


def _best_run(view: View) -> RunView | None:
    if isinstance(view, RunView):
        return view
    rows = view.ranked()
    trial = next((t for t in rows[0].trials if view.sweep.run(t).result is not None), None) if rows else None
    if trial is None:
        return None
    return RunView(view.sweep.run(trial).folder, view.facts, f"{view.prefix}trials/{trial.folder}/")


def _is_best(fact: Fact | None, name: str, rows: Sequence[_Row]) -> bool:
    values = [other.value for row in rows if (other := row.figure(name)) is not None]
    way = direction(name)
    if fact is None or way is None or len(values) < 2:
        return False
    return fact.value == (min(values) if way == "min" else max(values))


def _curves(out: Writing, runs: Sequence[RunView], folder: pathlib.Path) -> None:
    """Show the loss, and the first metric, of all runs."""
    from .. import pictures

    known = [run for run in runs if run.epochs]
    if len(known) < 2:
        return
    metric = known[0].metrics[0] if known[0].metrics else None
    valid = f"valid_{metric}"
    for name in ("loss", valid if all(valid in run.epochs[-1] for run in known) else metric):
        if name is None or not all(name in run.epochs[-1] for run in known):
            continue
        path = folder / f"overview-{name.replace('_', '-')}-{out.say.lang}.png"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            pictures.draw_comparison({run.name: run.epochs for run in known}, path, metric=name, lang=out.say.lang)
        except TapegradError:
            continue
        out.picture(path, "several curves", metric=out.say.word(name))
