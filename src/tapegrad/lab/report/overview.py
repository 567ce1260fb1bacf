"""The table in which several experiments stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..sweep.result import direction
from .analysis import Statement
from .facts import Fact
from .sweep_view import SweepView
from .view import PARTS, RunView
from .writing import Writing

__all__ = ["overview"]

View = RunView | SweepView


def overview(out: Writing, views: Sequence[View]) -> None:
    """Write one row for each experiment, a sweep by its best setting."""
    say = out.say
    out.heading("several")
    rows = [_Row(view, say) for view in views]
    names = [f"{part}_{m}" for m in dict.fromkeys(m for row in rows for m in row.metrics) for part in PARTS]
    names = [name for name in names if any(row.figure(name) is not None for row in rows)]
    cells = []
    for row in rows:
        line: list[Any] = [row.label, say.value(row.parameters, "count"), say.value(row.epochs, "count")]
        for name in names:
            fact = row.figure(name)
            line.append(say.value(fact, "figure", _is_best(fact, name, rows)))
        cells.append([*line, say.value(row.seconds, "seconds")])
    header = [say("several experiment"), say("parameters"), say("setup epochs")]
    header += [(say.word(name),) for name in names]
    align = "l" + "r" * (len(names) + 3)
    out.table([*header, say("several time")], cells, align, say.text("several caption"))


class _Row:
    """What the table says of an experiment."""

    def __init__(self, view: View, say: Any):
        self.view = view
        run = _best_run(view)
        self.run = run
        self.label: Any = view.name
        if isinstance(view, SweepView) and view.ranked():
            levels = [
                Statement("level", {"name": n, "level": label}).spans(say)
                for n, label in view.ranked()[0].levels.items()
            ]
            self.label = (f"{view.name}: ", *say.listed(list(levels)))
        self.parameters = run.result("parameters") if run else None
        self.epochs = run.result("epochs") if run else None
        self.seconds = run.result("seconds") if run else None
        self.metrics = list(run.metrics) if run else []
        if isinstance(view, RunView) and view.run.result is None:
            self.label = f"{view.name} ({say.text(f'status {view.run.status}')})"

    def figure(self, name: str) -> Fact | None:
        """Return a final figure: of a sweep, the mean of its best setting."""
        if isinstance(self.view, SweepView):
            rows = self.view.ranked()
            return self.view.mean(rows[0], name) if rows else None
        return self.view.result(name)


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
