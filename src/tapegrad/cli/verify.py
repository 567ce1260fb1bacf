"""``tapegrad verify RUN`` and ``tapegrad verify RECIPE --against torch``."""

from __future__ import annotations

import os
from typing import Any

import click

from ..errors import ArgumentError
from ..lab.config import load_config
from ..lab.verify import verify_run
from ..train import Run
from .progress import ProgressBar

__all__ = ["verify"]


@click.command(epilog="Example: tapegrad verify spiral/as-reported --against torch --steps 20")
@click.argument("what", metavar="RUN|RECIPE")
@click.option(
    "--against", type=click.Choice(["torch"]), help="Compare a recipe, step by step, with PyTorch in float64."
)
@click.option(
    "--steps", type=click.IntRange(1), default=100, show_default=True, help="With --against: how many updates."
)
@click.option(
    "--tolerance", type=float, default=1e-9, show_default=True, help="With --against: the largest difference."
)
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def verify(what: str, against: str | None, steps: int, tolerance: float, runs: str) -> int:
    """Train RUN again and confirm its ledger of weight hashes, or name the first step that differs.

    With --against torch: build the RECIPE's network in PyTorch too, train both from the same weights with the same batches,
    and print the largest difference of loss, gradients and weights at each step.
    """
    if against is not None:
        return _beside(what, steps, tolerance)
    if os.path.isfile(what):
        raise ArgumentError(
            "verify", f"{what} is a file, not a run", f"tapegrad verify {what} --against torch compares it"
        )
    found = verify_run(Run.find(what, runs), [ProgressBar()])
    click.echo(f"{what}: {found}")
    return 0 if found.agrees else 1


def _beside(recipe: str, steps: int, tolerance: float) -> int:
    from ..lab.against import verify_against

    stored = os.path.join(recipe, "recipe.yaml")
    found: Any = verify_against(load_config(stored if os.path.isfile(stored) else recipe), steps)
    click.echo(f"{'step':>6}  {'loss':>12}  {'difference':>10}  {'gradients':>10}  {'weights':>10}")
    for step in found.steps:
        differences = step.loss_difference, step.gradient_difference, step.weight_difference
        click.echo(f"{step.step:>6}  {step.loss:>12.6g}  " + "  ".join(f"{value:>10.2e}" for value in differences))
    notes = "".join(f"; {note}" for note in found.notes)
    close = found.largest <= tolerance
    click.echo(
        f"{recipe}: largest difference {found.largest:.2e} over {len(found.steps)} steps against PyTorch "
        f"{found.torch_version}, {'within' if close else 'more than'} {tolerance:g}{notes}"
    )
    return 0 if close else 1
