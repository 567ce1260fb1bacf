"""The files that a sweep ends with: tables in Markdown, LaTeX and CSV, and pictures. Nothing in them tells time or place."""

from __future__ import annotations

import math
from typing import Any

from ...formats.atomic import write_atomically
from ...train.run import safe_name
from ..tables import Column, Spread, Table, escape_latex, escape_markdown
from .folder import Sweep
from .result import Row, Summary, figures_of

__all__ = ["draw_pictures", "markdown_of", "write_tables"]

# Longer labels leave no room for the picture.
_LONGEST = 40
_MODES = {
    "one": "one factor at a time, the others as in the recipe",
    "grid": "all combinations",
    "random": "drawn at random",
}


def write_tables(sweep: Sweep, summary: Summary) -> list[str]:
    """Write ``table.md``, ``table.tex``, ``table.csv`` and ``trials.csv``, and return their paths."""
    files = {
        "table.md": markdown_of(summary),
        "table.tex": latex_of(summary),
        "table.csv": summary.flat_table().to_csv(),
        "trials.csv": _trials_table(sweep, summary).to_csv(),
    }
    for name, text in files.items():
        write_atomically(sweep.folder / name, text.encode())
    return [str(sweep.folder / name) for name in files]


def about(summary: Summary) -> str:
    """Return in one sentence what the tables show."""
    count = len(summary.plan.seeds)
    figures = f"mean ± standard deviation over {count} seeds" if count > 1 else f"seed {summary.plan.seeds[0]}"
    return f"{_MODES[summary.plan.mode]}; {figures}; the best of each column in bold"


def markdown_of(summary: Summary) -> str:
    """Return the tables as a Markdown document."""
    parts = [f"# {escape_markdown(summary.plan.name)}", _sentence(escape_markdown(about(summary)))]
    fixed = [f"`{text}`" for text in summary.plan.fixed if not text.startswith("data.root=")]
    if fixed:
        parts.append(f"Set for all trials: {', '.join(fixed)}.")
    for table in summary.tables():
        parts += [f"## {escape_markdown(table.caption)}", *_own(summary, table.caption), table.to_markdown()]
    return "\n\n".join(parts) + "\n"


def latex_of(summary: Summary) -> str:
    """Return the tables as LaTeX floats, which want the package booktabs."""
    parts = ["% \\usepackage{booktabs}"]
    for table in summary.tables():
        caption = f"{table.caption}: {about(summary)}."
        table, notes = table.without_long()
        below = "".join(f"\n  \\par\\footnotesize {escape_latex(note)}" for note in notes)
        parts.append(
            "\\begin{table}[htbp]\n  \\centering\\small\\setlength{\\tabcolsep}{4pt}\n"
            f"  \\caption{{{escape_latex(caption)}}}\n" + table.to_latex() + below + "\n\\end{table}"
        )
    return "\n\n".join(parts) + "\n"


def _own(summary: Summary, factor: str) -> list[str]:
    own = next((f.own for f in summary.plan.factors if f.name == factor), None)
    return [f"The recipe has {escape_markdown(own)}."] if own is not None else []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _trials_table(sweep: Sweep, summary: Summary) -> Table:
    factors = [factor.name for factor in summary.plan.factors]
    table = Table([*map(Column, ["trial", *factors, "seed", *summary.names, "failed"])])
    for row in summary.rows:
        for trial in row.trials:
            figures = figures_of(sweep, trial) or {}
            failure = row.failures.get(trial.seed)
            labels = [trial.levels[f] for f in factors]
            cells = [figures.get(name) for name in summary.names]
            table.add(trial.folder, *labels, trial.seed, *cells, failure.why if failure else None)
    return table


def draw_pictures(sweep: Sweep, summary: Summary, lang: str = "en") -> list[str]:
    """Draw the curves of all trials, those of each factor, and a picture for each factor; return the paths."""
    from ..pictures.curves import draw_comparison

    sweep.pictures.mkdir(exist_ok=True)
    curves = {_label(summary, row): _histories(sweep, row) for row in summary.rows}
    groups = {"curves": curves}
    if summary.plan.mode == "one" and len(summary.plan.factors) > 1:
        for factor in summary.plan.factors:
            rows = summary.of_factor(factor.name)
            groups[f"curves-{safe_name(factor.name)}"] = {label: _histories(sweep, row) for label, row in rows}
    drawn = []
    for name, runs in groups.items():
        runs = {label: records for label, records in runs.items() if records}
        for metric in _curve_metrics(summary, runs):
            path = sweep.pictures / f"{name}-{metric.replace('_', '-')}.png"
            drawn.append(draw_comparison(runs, path, metric=metric, lang=lang))
    return drawn + _draw_factors(sweep, summary, lang)


def _label(summary: Summary, row: Row) -> str:
    """Return what tells a row from the others: where several factors vary one at a time, what differs from the recipe."""
    own = {factor.name: factor.own for factor in summary.plan.factors if len(summary.plan.factors) > 1}
    differing = [f"{name} {level}" for name, level in row.levels.items() if level != own.get(name)]
    return ", ".join(differing) or "recipe"


def _histories(sweep: Sweep, row: Row) -> list[list[dict[str, Any]]]:
    return [records for trial in row.trials if (records := sweep.history(trial))]


def _curve_metrics(summary: Summary, runs: dict[str, list[list[dict[str, Any]]]]) -> list[str]:
    """Return the loss, and the deciding metric as the trials reported it: on validation data where there are some."""
    known = {key for trials in runs.values() for records in trials for record in records for key in record}
    base = summary.metric.partition("_")[2]
    found = [name for name in ("loss", f"valid_{base}" if f"valid_{base}" in known else base) if name in known]
    return list(dict.fromkeys(found))


def _draw_factors(sweep: Sweep, summary: Summary, lang: str) -> list[str]:
    from ..pictures.factors import draw_factor

    drawn = []
    for factor in summary.plan.factors:
        levels = _levels(summary, factor.name)
        points = [[value for value in values if math.isfinite(value)] for values in levels.values()]
        if sum(map(bool, points)) < 2:
            continue
        spreads = [Spread.of(values) if values else Spread(math.nan) for values in points]
        drawn.append(
            draw_factor(
                _numbers(list(levels)),
                [spread.mean for spread in spreads],
                [spread.deviation or 0.0 for spread in spreads],
                sweep.pictures / f"factor-{safe_name(factor.name)}.png",
                factor=factor.name,
                metric=summary.metric.replace("_", " "),
                points=points,
                lang=lang,
            )
        )
    return drawn


def _levels(summary: Summary, factor: str) -> dict[str, list[float]]:
    """Return a factor's levels with the deciding metric of their trials, over all other factors in grids."""
    if summary.plan.mode == "one":
        return {label: row.values.get(summary.metric, []) for label, row in summary.of_factor(factor)}
    found: dict[str, list[float]] = {}
    for row in summary.rows:
        found.setdefault(row.levels[factor], []).extend(row.values.get(summary.metric, []))
    return found


def _numbers(labels: list[str]) -> list[Any]:
    """Return the labels as numbers, which have their place on an axis, when all of them are some; else shortened."""
    try:
        return [float(label) for label in labels]
    except ValueError:
        return [label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…" for label in labels]
