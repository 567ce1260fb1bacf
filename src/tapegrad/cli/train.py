"""``tapegrad train RECIPE``."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from ..errors import ArgumentError
from ..lab.build import Assembly, build
from ..lab.config import dump_config, load_config
from ..lab.experiment import attach, fit, one_setting
from ..train import Run, environment
from .figures import figure
from .progress import ProgressBar

__all__ = ["announce", "finish", "go_on", "name_of", "train"]

_SHORT = {
    "epochs": "training.epochs",
    "steps": "training.steps",
    "batch_size": "data.batch_size",
    "lr": "optimizer.lr",
    "seed": "seed",
    "data": "data.root",
    "threads": "threads",
}


@click.command(epilog="Example: tapegrad train mnist/as-reported optimizer.lr=0.01 --epochs 3")
@click.argument("recipe", metavar="RECIPE")
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--epochs", help="How often to go through the data.  [training.epochs]")
@click.option("--steps", help="How many updates to make, instead of epochs.  [training.steps]")
@click.option("--batch-size", help="Samples per step, or full.  [data.batch_size]")
@click.option("--lr", help="The learning rate.  [optimizer.lr]")
@click.option("--seed", help="Seed of the weights, the split and the order of samples.  [seed]")
@click.option("--data", type=click.Path(), help="Folder of the data sets.  [data.root, default: TAPEGRAD_DATA]")
@click.option("--threads", help="BLAS threads: 1 is often fastest for small networks or on busy cores.  [threads]")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where the run's folder is made.")
@click.option("--dry-run", is_flag=True, help="Send one batch through everything, train nothing, write nothing.")
@click.option("--overfit-one-batch", is_flag=True, help="See whether the network can learn a single batch by heart.")
@click.option("--find-lr", is_flag=True, help="Raise the learning rate step by step and suggest one; train nothing.")
def train(recipe: str, overrides: tuple[str, ...], runs: str, **options: Any) -> int:
    """Train the network of RECIPE: a recipe's name (`tapegrad recipes` lists them) or a YAML file.

    KEY=VALUE overrides what the recipe says. Writes a run folder with the resolved recipe, the environment, metrics,
    checkpoints and pictures.
    """
    checks = {name: options.pop(name) for name in ("dry_run", "overfit_one_batch", "find_lr")}
    config = load_config(recipe, [*overrides, *_overrides(options)])
    if any(checks.values()):
        from .checks import check

        return check(config, **checks)
    with one_setting(config):
        assembly = build(config)
        run = Run.create(runs, name_of(recipe), dump_config(config, defaults=True), environment())
        click.echo(f"run: {run.folder}")
        with run.alone():
            attach(assembly, run, [ProgressBar()])
            announce(assembly)
            return go_on(assembly, run)


def _overrides(options: dict[str, Any]) -> list[str]:
    given = {_SHORT[name]: value for name, value in options.items() if value is not None}
    if "training.epochs" in given and "training.steps" in given:
        raise ArgumentError("train", "--epochs and --steps are both given", "give one of them")
    found = [f"{key}={value}" for key, value in given.items()]
    # One of the two takes the other's place, whichever the recipe has.
    if "training.epochs" in given:
        found.insert(0, "training.steps=null")
    if "training.steps" in given:
        found.insert(0, "training.epochs=null")
    return found


def name_of(recipe: str) -> str:
    """Return what a run of a recipe is called: ``mnist`` for mnist/best, ``mnist-as-reported``, a file's own name."""
    path = pathlib.PurePath(recipe)
    if path.suffix in (".yaml", ".yml"):
        return path.parent.name if path.stem == "best" and path.parent.name else path.stem
    return path.parent.name if path.name == "best" else "-".join(path.parts)


def announce(assembly: Assembly) -> None:
    """Say what is going to be trained on what."""
    parameters = sum(p.numel() for p in assembly.model.parameters())
    click.echo(f"{assembly.model}\n{parameters:,} parameters, {len(assembly.sets.train.targets):,} training samples")


def go_on(assembly: Assembly, run: Run) -> int:
    """Train from where the trainer is, and say how it ended; return the exit code."""
    try:
        result = fit(assembly, run)
    except KeyboardInterrupt:
        step = assembly.trainer.position.step
        click.echo(
            f"\nstopped after {step:,} steps; the state is in {run.checkpoints / 'last.safetensors'}\n"
            f"go on with: tapegrad resume {run.folder}"
        )
        return 130
    finish(result, run)
    told = assembly.trainer.compiling.report()
    if told["compiled"] and "gain" in told:
        click.echo(f"compiled: {told['programs']} programs, {told['gain']:.1f} times as fast as eager")
    elif told["reason"] is not None:
        click.echo(f"not compiled: {told['reason']}")
    return 0


def finish(result: dict[str, Any], run: Run) -> None:
    """Say what came out and where it is."""
    for path in result.get("pictures", ()):
        click.echo(f"picture: {path}")
    numbers = {key for key, value in result.items() if isinstance(value, (int, float))}
    names = [key.removeprefix("train_") for key in result if key in numbers and key.startswith("train_")]
    shown = next((name for name in names if name != "loss"), "loss")
    figures = [
        f"{part} {shown.replace('_', ' ')} {figure(result[f'{part}_{shown}'])}"
        for part in ("train", "valid", "test")
        if f"{part}_{shown}" in result
    ]
    measured = result["samples"].get("test", result["samples"].get("valid", 0))
    click.echo(f"{', '.join(figures)} ({measured:,} samples), {result['steps']:,} steps in {result['seconds']:.1f} s")
    chosen = result["measured"]
    click.echo(f"measured: {chosen['checkpoint']} checkpoint, of epoch {chosen['epoch']:,} (step {chosen['step']:,})")
    click.echo(f"checkpoints: {run.checkpoints}\nreport: tapegrad report {run.folder}")
