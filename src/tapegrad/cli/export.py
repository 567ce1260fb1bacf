"""``tapegrad export RUN --to numpy OUT.py``."""

from __future__ import annotations

import shlex

import click

from ..train import Run
from .outputs import check_place

__all__ = ["export"]


@click.command(epilog="Example: tapegrad export spiral-20261121-120000 --to numpy spiral.py && python spiral.py")
@click.argument("run", metavar="RUN")
@click.option("--to", "form", type=click.Choice(["numpy"]), default="numpy", show_default=True, help="What to write.")
@click.argument("output", metavar="OUT.py", type=click.Path(dir_okay=False))
@click.option(
    "--batches", default=10, show_default=True, type=click.IntRange(1), help="Batches that it tries itself on."
)
@click.option("--data", type=click.Path(), help="Folder of the data sets, when it is not where it was in training.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
@click.option("--force", is_flag=True, help="Overwrite files that export did not write.")
def export(run: str, form: str, output: str, batches: int, data: str | None, runs: str, force: bool) -> None:
    """Write a run's training step and network as one file of Python that imports NumPy alone.

    Weights and the first batches go into an .npz file beside it. The updates are made again and compared with the run's own
    records; run, the file compares its losses with those. A run that is not what its recipe gives is refused.
    """
    from ..lab.export import export_numpy

    check_place("export", output)
    found = Run.find(run, runs)
    count, told = export_numpy(found, output, batches=batches, data=data, force=force)
    click.echo(f"{output}: training step and inference, {count} batches of {found.name} to try it on")
    click.echo(f"{told}\npython {shlex.quote(output)}")
