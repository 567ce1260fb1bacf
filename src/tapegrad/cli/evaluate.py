"""``tapegrad evaluate RUN``."""

from __future__ import annotations

import click

from ..errors import DataError
from ..lab.build import build, loader_of
from ..train import Run, load_weights
from .figures import figure
from .stored import checkpoint_path, stored_config

__all__ = ["evaluate"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--checkpoint", default=None, help="best, last, or a file.  [default: what the recipe measures]")
@click.option("--data", type=click.Path(), help="Folder of the data sets, when it is not where it was in training.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def evaluate(run: str, checkpoint: str | None, data: str | None, runs: str) -> None:
    """Measure a trained network on its test set, or on its validation set where there is no test set."""
    found = Run.find(run, runs)
    config = stored_config(found, data)
    assembly = build(config)
    if checkpoint is None and (config.evaluation.checkpoint == "last" or assembly.sets.valid is None):
        checkpoint = "last"
    path = checkpoint_path(found, checkpoint)
    load_weights(path, assembly.model)
    assembly.trainer.ema = None  # the checkpoint's averages are the model's weights now
    name, part = ("test", assembly.sets.test) if assembly.sets.test is not None else ("valid", assembly.sets.valid)
    if part is None:
        raise DataError(
            "evaluate", "the recipe has neither test nor validation data", "hold some out: data.split.valid"
        )
    measured = assembly.trainer.evaluate(loader_of(part))
    numbers = {key: value for key, value in measured.items() if isinstance(value, (int, float))}
    figures = ", ".join(f"{name} {key.replace('_', ' ')} {figure(value)}" for key, value in numbers.items())
    click.echo(f"{path}: {figures} ({len(part.targets):,} samples)")
