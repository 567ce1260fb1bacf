"""``tapegrad report RUN_OR_SWEEP...``."""

from __future__ import annotations

import click

from ..lab.report import LANGUAGES, write_report
from ..lab.report.report import find
from .outputs import check_place

__all__ = ["report"]


@click.command(epilog="Example: tapegrad report runs/mnist-20250101-120000 --lang zh -o lab-report")
@click.argument("experiments", metavar="RUN_OR_SWEEP...", nargs=-1, required=True)
@click.option(
    "--lang",
    "languages",
    type=click.Choice(LANGUAGES),
    multiple=True,
    help="Language; repeat it for both.  [default: en]",
)
@click.option(
    "-o", "--output", type=click.Path(), help="Folder to write into.  [default: report/ in the first one's folder]"
)
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked for by name.")
@click.option(
    "--sweeps", default="sweeps", show_default=True, type=click.Path(), help="Where sweeps are looked for by name."
)
def report(experiments: tuple[str, ...], languages: tuple[str, ...], output: str | None, runs: str, sweeps: str) -> int:
    """Write a report of runs and sweeps: one HTML file that stands alone, Markdown and LaTeX.

    It has the task and the data, the network, the formulas of its forward and backward pass, the settings, curves,
    results, an analysis of what was measured, and the commands that do it again. facts.json names the source of every
    number.
    """
    if output is not None:
        check_place("report", output)
    folders = [find(name, runs, sweeps) for name in experiments]
    for path in write_report(folders, output, languages or ("en",)):
        click.echo(f"{'facts' if path.endswith('.json') else 'report'}: {path}")
    return 0
