"""``tapegrad resume RUN``."""

from __future__ import annotations

import click

from ..errors import ArgumentError
from ..train import Run, load_data
from .evaluate import stored_settings
from .train import fit

__all__ = ["resume"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def resume(run: str, runs: str) -> int:
    """Go on with a training that was stopped, from its last checkpoint."""
    found = Run.find(run, runs)
    if not (found.checkpoints / "last.safetensors").is_file():
        raise ArgumentError("resume", f"{found.folder} has no checkpoint yet", "train again")
    settings = stored_settings(found)
    if found.events("result"):
        raise ArgumentError(
            "resume", f"{found.folder} is finished ({settings.epochs} epochs)", "train a new run, with --epochs"
        )
    click.echo(f"run: {found.folder}")
    return fit(found, settings, load_data(settings), resume=True)
