"""``tapegrad evaluate RUN``."""

from __future__ import annotations

import os
from typing import Any

import click

from ..errors import ArgumentError, FileFormatError
from ..train import EXPERIMENTS, Run, Settings, build, load_data, load_weights, settings_for
from ..utils.data import DataLoader

__all__ = ["checkpoint_path", "evaluate", "stored_settings", "trained_model"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--checkpoint", default=None, help="best, last, or a file.  [default: best; last for full-batch runs]")
@click.option("--data", type=click.Path(), help="Folder of the data sets, when it is not where it was in training.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def evaluate(run: str, checkpoint: str | None, data: str | None, runs: str) -> None:
    """Measure a trained network on its test set."""
    found = Run.find(run, runs)
    settings = stored_settings(found, data)
    sets = load_data(settings)
    trainer, _, _ = build(settings, sets)
    path = checkpoint_path(found, settings, checkpoint)
    load_weights(path, trainer.model)
    result = trainer.evaluate(DataLoader(sets.test, batch_size=1024))
    click.echo(
        f"{path}: test loss {result['loss']:.4f}, test accuracy {result['accuracy']:.4f} ({len(sets.test):,} samples)"
    )


def stored_settings(run: Run, data: str | None = None) -> Settings:
    """Return the settings of a run; ``data`` replaces the folder of the data sets.

    Raises FileFormatError when the stored configuration is not one.
    """
    config = run.config
    try:
        name = config.pop("experiment")
        settings = settings_for(name, **config)
    except (KeyError, TypeError, AttributeError, ArgumentError) as error:
        raise FileFormatError(
            str(run.folder / "config.json"), f"is no configuration ({error})", "restore it, or train again"
        ) from None
    if data is not None:
        settings.data = data
    return settings


def checkpoint_path(run: Run, settings: Settings, which: str | None) -> str:
    """Return the path of ``best``, ``last``, or a file of one's own.

    Raises ArgumentError when there is no such file.
    """
    which = which or ("last" if EXPERIMENTS[settings.experiment].full_batch else "best")
    path = str(run.checkpoints / f"{which}.safetensors") if which in ("best", "last") else which
    if not os.path.isfile(path):
        raise ArgumentError("checkpoint", f"there is no file {path}", "use best, last, or the path of a checkpoint")
    return path


def trained_model(run: Run, settings: Settings, which: str | None) -> Any:
    """Return the run's network with the weights of a checkpoint, in evaluation mode, without loading the data."""
    model = EXPERIMENTS[settings.experiment].models[settings.model]()
    load_weights(checkpoint_path(run, settings, which), model)
    return model.eval()
