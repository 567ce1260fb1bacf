"""The sections on a sweep: the plan, tables, curves and factors, the analysis, and the recipe that was varied."""

from __future__ import annotations

import pathlib
import shlex
import shutil
from typing import Any

from ...errors import TapegradError
from ...train.run import safe_name
from ..sweep import Sweep, draw_pictures
from ..sweep.result import direction
from .document import Code, Items, Spans
from .formula_sections import formulas
from .sections import data, environment, network, setup
from .sweep_analysis import analyse_sweep
from .sweep_view import SweepView
from .view import RunView
from .writing import Writing

__all__ = ["illustrate_sweep", "sweep_sections"]

Pictures = dict[str, pathlib.Path]


def illustrate_sweep(view: SweepView, lang: str, folder: pathlib.Path, prefix: str) -> tuple[Pictures, str]:
    """Draw a sweep's pictures into a folder; return their paths by what they show, and why some are missing, or ""."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep = Sweep(view.folder)
    sweep.pictures = folder / f".{prefix}{lang}"
    shutil.rmtree(sweep.pictures, ignore_errors=True)
    found, why = {}, ""
    try:
        if view.ranked():
            draw_pictures(sweep, view.summary, lang)
        for path in sorted(sweep.pictures.glob("*.png")):
            # LaTeX takes what follows a first full stop for the kind of file.
            name = path.stem.replace(".", "-")
            found[path.stem] = path.replace(folder / f"{prefix}{name}-{lang}.png")
    except (TapegradError, OSError) as error:
        why = str(error)
    finally:
        shutil.rmtree(sweep.pictures, ignore_errors=True)
    return found, why


def sweep_sections(out: Writing, view: SweepView, pictures: Pictures, missing: str, command: str) -> None:
    """Write all sections on a sweep; ``missing``: why some pictures are not there; ``command`` wrote this report."""
    base = _base(view)
    if base is not None and base.config.description:
        out.sentences((out.say.chosen(base.config.description),))
    _plan(out, view)
    _tables(out, view, pictures)
    _curves(out, view, pictures)
    out.heading("sweep analysis")
    out.blocks.append(Items(tuple(statement.sentence(out.say) for statement in analyse_sweep(view))))
    if base is not None:
        data(out, base, {})
        network(out, base, {})
        formulas(out, base)
        setup(out, base)
    _reproduction(out, view, base, command)
    if missing:
        out.note("pictures missing", why=missing)


def _base(view: SweepView) -> RunView | None:
    """Return a trial of the recipe as it is, or of the first setting: the one whose formulas are shown."""
    own = {factor.name: factor.own for factor in view.summary.plan.factors}
    rows = [row for row in view.summary.rows if row.levels == own] or list(view.summary.rows)
    trials = [trial for row in rows for trial in row.trials]
    for trial in [t for t in trials if view.sweep.run(t).result is not None] + trials:
        folder = view.sweep.run(trial).folder
        if (folder / "recipe.yaml").is_file():
            return RunView(folder, view.facts, f"{view.prefix}trials/{trial.folder}/")
    return None


def _plan(out: Writing, view: SweepView) -> None:
    say, plan = out.say, view.summary.plan
    out.heading("sweep")
    trials = say.value(view.facts.derive("count", view.plan_fact("trials")), "count")
    seeds = say.value(view.facts.derive("count", view.plan_fact("seeds")), "count")
    kind = "sweep count" if len(plan.seeds) > 1 else "sweep count one"
    places = {"trials": trials, "seeds": seeds} if len(plan.seeds) > 1 else {"trials": trials}
    out.sentences(say(f"sweep {plan.mode}"), say(kind, **places))


def _tables(out: Writing, view: SweepView, pictures: Pictures) -> None:
    say, plan = out.say, view.summary.plan
    out.heading("sweep results")
    for name, rows in view.groups():
        if name:
            out.heading("sweep factor", 1, name=name)
            own = next((factor.own for factor in plan.factors if factor.name == name), None)
            out.sentences(say("sweep own", level=own) if own else None)
        elif len(rows) > 1:
            out.heading("sweep all", 1)
        heads = [name] if name else [factor.name for factor in plan.factors]
        _table(out, view, heads, rows)
        path = pictures.get(f"factor-{safe_name(name)}") if name else None
        metric = say.word(view.summary.metric)
        out.picture(path, "sweep factor picture", metric=metric, factor=name)
        for key, curve in pictures.items():
            prefix = f"curves-{safe_name(name)}-"
            if name and key.startswith(prefix):
                out.picture(curve, "sweep factor curves", metric=_curve_metric(out, key, prefix), factor=name)
    if plan.mode != "one":
        for factor in plan.factors:
            path = pictures.get(f"factor-{safe_name(factor.name)}")
            out.picture(path, "sweep factor picture", metric=say.word(view.summary.metric), factor=factor.name)


def _table(out: Writing, view: SweepView, heads: list[str], rows: list[tuple[list[str], Any]]) -> None:
    say = out.say
    figures = [f for f in view.figures if any(view.mean(row, f) is not None for _, row in rows)]
    best = {figure: _best(view, figure, [row for _, row in rows]) for figure in figures}
    failed = any(row.failures for _, row in rows)
    cells = []
    for labels, row in rows:
        line: list[Any] = list(labels or [view.summary.plan.name])
        for figure in figures:
            line.append(_spread(out, view, row, figure, best[figure]))
        if failed:
            line += [f"{row.finished}/{len(row.trials)}", row.reasons() or ""]
        cells.append(line)
    header = [*(heads or [""]), *(say.word(figure) for figure in figures)]
    header += [say("sweep trials"), say("sweep failed")] if failed else []
    align = "l" * max(len(heads), 1) + "r" * len(figures) + ("rl" if failed else "")
    seeds = len(view.summary.plan.seeds)
    out.table(header, cells, align, say.text("sweep table" if seeds > 1 else "sweep table one"))


def _best(view: SweepView, figure: str, rows: list[Any]) -> float | None:
    means = [mean.value for row in rows if (mean := view.mean(row, figure)) is not None and mean.value == mean.value]
    way = direction(figure)
    if way is None or len(means) < 2:
        return None
    return min(means) if way == "min" else max(means)


def _spread(out: Writing, view: SweepView, row: Any, figure: str, best: float | None) -> Spans:
    mean, deviation = view.mean(row, figure), view.deviation(row, figure)
    if mean is None:
        return ("—",)
    is_best = best is not None and mean.value == best
    first = out.say.value(mean, "figure", is_best)
    return (first,) if deviation is None else (first, " ± ", out.say.value(deviation, "figure"))


def _curves(out: Writing, view: SweepView, pictures: Pictures) -> None:
    """Show the curves of all settings in one figure; those of each factor stand with its table."""
    own = tuple(f"curves-{safe_name(factor.name)}-" for factor in view.summary.plan.factors)
    curves = {name: path for name, path in pictures.items() if name.startswith("curves") and not name.startswith(own)}
    if curves:
        out.heading("sweep curves title")
    for name, path in curves.items():
        out.picture(path, "sweep curves", metric=_curve_metric(out, name))


def _curve_metric(out: Writing, name: str, prefix: str = "curves-") -> str:
    """Return in words the metric that follows a prefix in a picture's name."""
    return out.say.word(name.removeprefix(prefix).replace("-", "_"))


def _reproduction(out: Writing, view: SweepView, base: RunView | None, command: str) -> None:
    say = out.say
    out.heading("reproduce")
    out.sentences(say("reproduce sweep"))
    own = view.summary.plan.command or f"tapegrad sweep --resume {shlex.quote(view.folder.as_posix())}"
    out.blocks.append(Code("\n".join([own, command])))
    if base is not None:
        environment(out, base)
