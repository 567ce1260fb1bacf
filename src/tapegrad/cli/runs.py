"""``tapegrad runs [FOLDER]`` and ``tapegrad runs compare RUN RUN...``."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from ..errors import ArgumentError
from ..lab.overview import compare, describe, matches, sort_rows
from ..lab.tables import Column, Table
from ..train import Run, list_runs
from ..train.lines import dump

__all__ = ["runs"]

_LONGEST = 48


@click.command(
    epilog="Examples: tapegrad runs --sort test_accuracy --filter 'optimizer.type=Adam' --filter 'valid_accuracy>0.9';"
    " tapegrad runs compare mnist-20261121-120000 mnist-20261121-130000"
)
@click.argument("words", metavar="[FOLDER | compare RUN RUN...]", nargs=-1)
@click.option(
    "--sort", metavar="KEY", help="A column, a figure (test_accuracy) or a recipe's key; -KEY for the other way."
)
@click.option(
    "--filter",
    "filters",
    metavar="CONDITION",
    multiple=True,
    help="Text, or KEY=VALUE, KEY>VALUE, ... of the same keys.",
)
@click.option("--json", "as_json", is_flag=True, help="Write everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the table as CSV, with every digit.")
@click.option("--runs", "parent", default="runs", show_default=True, type=click.Path(), help="Where runs are.")
def runs(
    words: tuple[str, ...], sort: str | None, filters: tuple[str, ...], as_json: bool, as_csv: bool, parent: str
) -> None:
    """List the runs in FOLDER (by default that of --runs), or show side by side how some differ.

    `compare` shows the keys of the recipes that differ, what differs in versions, BLAS and threads, and all figures.
    """
    if as_json and as_csv:
        raise ArgumentError("runs", "--json and --csv are both given", "give one of them")
    if words[:1] == ("compare",):
        _compare([Run.find(name, parent) for name in words[1:]], as_json, as_csv)
        return
    if len(words) > 1:
        raise ArgumentError("runs", f"{len(words)} folders are given", "give one, or: tapegrad runs compare RUN RUN")
    _list(words[0] if words else parent, sort, filters, as_json, as_csv)


def _list(folder: str, sort: str | None, filters: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    rows = [row for row in map(describe, list_runs(folder)) if all(matches(row, text) for text in filters)]
    if sort is not None:
        rows = sort_rows(rows, sort)
    if as_json:
        click.echo(dump(rows, indent=2))
    elif not rows and not as_csv:
        click.echo(
            f"no runs in {folder}" + (" that fit" if filters else "; `tapegrad train RECIPE` makes one"), err=True
        )
    else:
        _show(_table(rows, sort, whole=as_csv), as_csv)


# A narrow terminal shows whole names and the figures rather than all columns.
_WIDE = 150
_FIRST_TO_GO = ("title", "epochs", "metric", "best", "last", "seconds", "date")


def _table(rows: list[dict[str, Any]], sort: str | None, whole: bool) -> Table:
    tests = list(dict.fromkeys(name for row in rows for name in row["values"] if name.startswith("test_")))
    tests = [name for name in tests if whole or name != "test_loss"]
    headings = ["run", "title", "status", "epochs", "metric", "best", "last", *tests, "seconds", "date"]
    if not whole and sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE:
        headings = [heading for heading in headings if heading not in _FIRST_TO_GO]
    extra = [] if sort is None or sort.removeprefix("-") in [*headings, "name"] else [sort.removeprefix("-")]
    table = Table([Column(heading) for heading in [*headings, *extra]])
    for row in rows:
        done = row["epochs"] if row["of"] is None else f"{row['epochs']}/{row['of']}"
        known = {**row["config"], **row["values"], "compiled": row["compiled"], "gain": row["gain"]}
        cells = {
            "run": row["name"],
            "title": row["title"] if whole else _short(row["title"]),
            "epochs": done,
            "seconds": float(row["seconds"]),
            **{name: row[name] for name in ("status", "metric", "best", "last", "date")},
            **{name: row["values"].get(name) for name in tests},
        }
        table.add(*(cells[name] for name in headings), *(_cell(known.get(name)) for name in extra))
    return table


def _compare(chosen: list[Run], as_json: bool, as_csv: bool) -> None:
    if len(chosen) < 2:
        raise ArgumentError("runs", f"compare is given {len(chosen)} runs", "name two or more")
    rows = compare(chosen)
    if as_json:
        click.echo(dump({"runs": [run.name for run in chosen], "rows": rows}, indent=2))
        return
    # Runs stand side by side, so a column has figures of all kinds: each cell is written on its own.
    table = Table([Column(""), Column("key"), *(Column(run.name) for run in chosen)])
    for row in rows:
        cells = row["values"] if as_csv else [_text(value) for value in row["values"]]
        table.add(row["kind"], row["key"], *map(_cell, cells))
    _show(table, as_csv)


def _cell(value: Any) -> Any:
    plain = value is None or (isinstance(value, (int, float, str)) and not isinstance(value, bool))
    return value if plain else dump(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else dump(value)
    return _short(text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _show(table: Table, as_csv: bool) -> None:
    if as_csv:
        click.echo(table.to_csv(), nl=False)
    elif sys.stdout.isatty():
        from rich.console import Console

        drawn = table.to_rich()
        drawn.columns[0].min_width = max((len(str(cell)) for cell in drawn.columns[0].cells), default=0)
        drawn.padding = (0, 0) if shutil.get_terminal_size().columns < _WIDE else (0, 1)
        Console().print(drawn)
    else:
        click.echo(table.to_text())
