"""``tapegrad resume RUN``."""

from __future__ import annotations

import click

from ..errors import ArgumentError
from ..lab.build import build
from ..lab.experiment import attach, one_setting
from ..train import Run, load_checkpoint
from .progress import ProgressBar
from .stored import stored_config
from .train import go_on

__all__ = ["resume"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def resume(run: str, runs: str) -> int:
    """Go on with a training that was stopped, from its last checkpoint; it ends with the bits of one that was not."""
    found = Run.find(run, runs)
    checkpoint = found.newest_checkpoint
    config = stored_config(found)
    if found.result is not None:
        raise ArgumentError(
            "resume",
            f"{found.folder} is finished ({found.result.get('epochs')} epochs)",
            f"train a new run, with more training.{'steps' if config.training.steps else 'epochs'}",
        )
    if checkpoint is None:
        raise ArgumentError("resume", f"{found.folder} has no checkpoint yet", "train again")
    click.echo(f"run: {found.folder}")
    with found.alone(), one_setting(config):
        assembly = build(config)
        attach(assembly, found, [ProgressBar()])
        load_checkpoint(checkpoint, assembly.trainer)
        return go_on(assembly, found)
