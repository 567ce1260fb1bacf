"""``tapegrad steps RECIPE``."""

from __future__ import annotations

import json
import os

import click
import numpy as np

from ..errors import ArgumentError
from ..lab.build import Assembly, build
from ..lab.config import load_config
from ..lab.experiment import one_setting
from ..lab.schema import Config
from ..lab.stepping import first_steps
from ..train import Run, load_weights
from .stored import checkpoint_path, stored_config

__all__ = ["steps"]


@click.command(epilog="Example: tapegrad steps digits --samples 2, then `next`, `print weight`, `go relu`, `quit`")
@click.argument("recipe", metavar="RECIPE|RUN")
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--samples", default=4, show_default=True, help="How many samples of the first batch go through.")
@click.option("--checkpoint", default=None, help="Of a run: best, last, or a file.  [default: best where there is one]")
@click.option("--data", type=click.Path(), help="Folder of the data sets.  [data.root, default: TAPEGRAD_DATA]")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
@click.option("--list", "as_list", is_flag=True, help="List the steps instead of reading commands.")
@click.option("--json", "as_json", is_flag=True, help="Print all steps as one object.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="With --json: at most so many numbers of each array.",
)
def steps(
    recipe: str,
    overrides: tuple[str, ...],
    samples: int,
    checkpoint: str | None,
    data: str | None,
    runs: str,
    as_list: bool,
    as_json: bool,
    limit: int,
) -> None:
    """Go back through the network from the loss, one operation at a time, with all numbers of each.

    The network is that of RECIPE before the training, or that of the folder of a RUN. Reads commands, one a line, until
    `quit` or the end of the input; `help` lists them.
    """
    if recipe.endswith(".py"):
        hint = "name a recipe or a run, or write tg.explain.step_through(loss, model).run() into it"
        raise ArgumentError("steps", f"{recipe} is a script", hint)
    run = _run(recipe, runs)
    if run is not None and overrides:
        raise ArgumentError("steps", f"{overrides[0]} cannot change a run", "leave it out, or name the recipe")
    if run is None and checkpoint is not None:
        raise ArgumentError("steps", f"{recipe} is a recipe and has no checkpoint", "leave --checkpoint out")
    config = _config(recipe, overrides, data) if run is None else stored_config(run, data)
    with one_setting(config), np.errstate(all="ignore"):
        found = first_steps(_assembly(config, run, checkpoint), samples)
        if as_json:
            click.echo(json.dumps(found.to_dict(limit), allow_nan=False))
        elif as_list:
            click.echo(str(found))
        else:
            found.run()


def _run(name: str, runs: str) -> Run | None:
    """Return the run of a folder, or of a name among the runs; None where there is none, so that it is a recipe."""
    folder = next((f for f in (name, os.path.join(runs, name)) if os.path.isfile(os.path.join(f, "recipe.yaml"))), None)
    return None if folder is None else Run.find(folder)


def _config(recipe: str, overrides: tuple[str, ...], data: str | None) -> Config:
    return load_config(recipe, [*overrides, *([] if data is None else [f"data.root={json.dumps(data)}"])])


def _assembly(config: Config, run: Run | None, checkpoint: str | None) -> Assembly:
    assembly = build(config)
    if run is not None:
        load_weights(checkpoint_path(run, checkpoint), assembly.model)
    return assembly
