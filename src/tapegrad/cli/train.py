"""``tapegrad train NAME``."""

from __future__ import annotations

import dataclasses
import time

import click
import numpy as np

from ..train import (
    EXPERIMENTS,
    Checkpoints,
    Run,
    Settings,
    Trainer,
    build,
    load_checkpoint,
    load_data,
    load_weights,
    settings_for,
)
from ..train.experiments import Data
from ..train.pictures import confusion_matrix, draw_boundary, draw_confusion, draw_curves, draw_mistakes, predict_all
from .progress import Ledger, ProgressBar

__all__ = ["finish", "train"]


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--model", help="Which network: mlp, or cnn for the image sets.")
@click.option("--epochs", type=int, help="How often to go through the data.")
@click.option("--batch-size", type=int, help="Samples per step.")
@click.option("--lr", type=float, help="The (largest) learning rate.")
@click.option("--seed", type=int, help="Seed of the weights, the split and the order of samples.  [default: 0]")
@click.option("--data", type=click.Path(), help="Folder of the data sets.  [default: TAPEGRAD_DATA]")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where the run's folder is made.")
def train(name: str, runs: str, **options: object) -> int:
    """Train the network NAME: spiral, digits, mnist or fashion-mnist.

    Writes a run folder with configuration, metrics, the best and the last checkpoint, and pictures.
    """
    settings = settings_for(name, **options)
    data = load_data(settings)
    run = Run.create(runs, name, dataclasses.asdict(settings))
    click.echo(f"run: {run.folder}")
    return fit(run, settings, data)


def fit(run: Run, settings: Settings, data: Data, resume: bool = False) -> int:
    """Train (on), then evaluate and draw; return the exit code."""
    trainer, train_loader, valid_loader = build(settings, data)
    report_every = trainer.report_every
    checkpoints = Checkpoints(run.checkpoints, every=report_every)
    trainer.callbacks = [Ledger(run), checkpoints, ProgressBar()]
    if resume:
        load_checkpoint(checkpoints.last_path, trainer)
    if not resume:
        parameters = sum(p.numel() for p in trainer.model.parameters())
        click.echo(f"{trainer.model}\n{parameters:,} parameters, {len(data.train):,} training samples")
    started = time.perf_counter()
    try:
        with np.errstate(all="ignore"):  # a loss that is not finite is reported by the trainer, in one sentence
            trainer.fit(train_loader, valid_loader, epochs=settings.epochs)
    except KeyboardInterrupt:
        click.echo(
            f"\nstopped after {trainer.position.step:,} steps; the state is in {checkpoints.last_path}\n"
            f"go on with: tapegrad resume {run.folder}"
        )
        return 130
    finish(run, settings, data, trainer, time.perf_counter() - started)
    return 0


def finish(run: Run, settings: Settings, data: Data, trainer: Trainer, seconds: float) -> None:
    """Evaluate the best checkpoint on the test set, draw the pictures, and say where everything is."""
    full_batch = EXPERIMENTS[settings.experiment].full_batch
    if not full_batch:
        load_weights(run.checkpoints / "best.safetensors", trainer.model)
    inputs, labels = (t.array for t in data.test.tensors)
    probabilities = predict_all(trainer.model, inputs)
    test_accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    own = predict_all(trainer.model, data.train.tensors[0].array)
    train_accuracy = float((own.argmax(axis=1) == data.train.tensors[1].array).mean())
    for path in draw_all(run, data, trainer, probabilities):
        click.echo(f"picture: {path}")
    # Last of all: a run without its pictures can be resumed, which draws them.
    run.log("result", test_accuracy=test_accuracy, train_accuracy=train_accuracy, seconds=seconds)
    which = "last" if full_batch else "best"
    click.echo(
        f"train accuracy {train_accuracy:.4f}, test accuracy {test_accuracy:.4f} "
        f"({len(labels):,} samples, {which} checkpoint), trained in {seconds:.1f} s"
    )
    click.echo(f"checkpoint: {run.checkpoints / f'{which}.safetensors'}")


def draw_all(run: Run, data: Data, trainer: Trainer, probabilities: np.ndarray) -> list[str]:
    """Draw what fits the data, and return the paths."""
    labels = data.test.tensors[1].array
    drawn = [draw_curves(trainer.history, run.pictures / "curves.png")]
    if data.test_images is None:
        inputs, classes = (t.array for t in data.train.tensors)
        drawn.append(draw_boundary(trainer.model, inputs, classes, run.pictures / "boundary.png"))
        return drawn
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), len(data.classes))
    drawn.append(draw_confusion(matrix, data.classes, run.pictures / "confusion.png"))
    drawn.append(draw_mistakes(data.test_images, labels, probabilities, data.classes, run.pictures / "mistakes.png"))
    return drawn
