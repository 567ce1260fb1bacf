"""The group that the commands hang on."""

from __future__ import annotations

import click

from ..version import __version__
from .evaluate import evaluate
from .predict import predict
from .resume import resume
from .train import train

__all__ = ["tapegrad"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tapegrad")
def tapegrad() -> None:
    """Train neural networks in plain NumPy, and see every step."""


for _command in (train, resume, evaluate, predict):
    tapegrad.add_command(_command)
