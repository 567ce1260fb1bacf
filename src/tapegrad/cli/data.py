"""``tapegrad data inspect`` and ``tapegrad data suspects``."""

from __future__ import annotations

import pathlib

import click

from .tables import show_inspection

__all__ = ["data"]

_LANGUAGE = click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language.")


@click.group()
def data() -> None:
    """Look at data before it is learned from, and for wrong labels afterwards."""


@data.command(epilog="Example: tapegrad data inspect hanzi -o hanzi-inspected")
@click.argument("what", metavar="SET|RECIPE|FOLDER|FILE")
@click.option("-o", "--output", type=click.Path(file_okay=False), help="Where files go.  [default: inspect-NAME]")
@click.option("--data", "root", type=click.Path(), help="Folder of the data sets.  [default: TAPEGRAD_DATA]")
@click.option("--target", help="Of a CSV file: the column to learn, by name or number.  [default: the last]")
@_LANGUAGE
def inspect(what: str, output: str | None, root: str | None, target: str | None, lang: str) -> None:
    """Show counts, ranges, gaps, copies and contradictions of a data set.

    WHAT is a data set by its name (mnist, hanzi, ...), a recipe, a folder of images with a folder for each class, a CSV file
    or a NumPy archive. Leaves inspect.json, lists that a recipe can exclude, and pictures.
    """
    from ..lab.data.findings import write_findings
    from ..lab.data.inspect import find_source, inspect_source

    name, source = find_source(what, root, target)
    report = inspect_source(name, source)
    show_inspection(report, lang)
    folder = pathlib.Path(output or f"inspect-{name.replace('.', '-')}")
    for path in write_findings(report, source, folder, lang):
        click.echo(path)
