"""What ``tapegrad train`` can find out before a training: a dry run, one batch by heart, a learning rate."""

from __future__ import annotations

import pathlib

import click
import numpy as np

from ..errors import ArgumentError
from ..lab.build import Assembly, build
from ..lab.experiment import one_setting
from ..lab.schema import Config
from ..train import find_lr

__all__ = ["check"]


def check(config: Config, *, dry_run: bool, overfit_one_batch: bool, find_lr: bool) -> int:
    """Do one of the checks and return the exit code."""
    if dry_run + overfit_one_batch + find_lr > 1:
        raise ArgumentError("train", "several of the checks are asked for at once", "give one of them")
    with one_setting(config), np.errstate(all="ignore"):
        assembly = build(config)
        chosen = _dry if dry_run else _overfit if overfit_one_batch else _find
        return chosen(assembly)


def _dry(assembly: Assembly) -> int:
    measured = assembly.trainer.dry_run(assembly.train_loader, assembly.valid_loader)
    click.echo(str(assembly.model))
    click.echo("one batch went through: " + ", ".join(f"{name} {value:.4f}" for name, value in measured.items()))
    return 0


def _overfit(assembly: Assembly) -> int:
    found = assembly.trainer.overfit_one_batch(assembly.train_loader)
    click.echo(
        f"one batch: loss {found.losses[0]:.4f} at first, {found.losses[-1]:.4g} after {len(found.losses)} steps: "
        + ("learned by heart" if found.learned else "NOT learned; look at labels, loss and learning rate")
    )
    return 0 if found.learned else 1


def _find(assembly: Assembly) -> int:
    found = find_lr(assembly.trainer, assembly.train_loader)
    from ..lab.pictures import draw_rate_finder

    path = draw_rate_finder(found.rates, found.losses, found.suggestion, pathlib.Path("learning-rate.png"))
    click.echo(f"picture: {path}")
    if found.suggestion is None:
        click.echo("the loss fell at no rate that was tried; look at the data and the loss first")
        return 1
    click.echo(f"suggestion: optimizer.lr={found.suggestion:.2g}")
    return 0
