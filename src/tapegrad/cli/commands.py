"""The group that the commands hang on. A command's file is imported when it is called, or listed with its help."""

from __future__ import annotations

import importlib

import click

from ..version import __version__

__all__ = ["tapegrad"]

_COMMANDS = (
    "train",
    "resume",
    "evaluate",
    "predict",
    "recipes",
    "init",
    "schema",
    "runs",
    "verify",
    "sweep",
    "board",
    "data",
    "report",
    "steps",
    "graph",
    "export",
    "run",
    "check",
    "doctor",
)


class _Lazy(click.Group):
    """Finds the command NAME in the file of that name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return getattr(importlib.import_module(f".{cmd_name}", __package__), cmd_name)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tapegrad")
def tapegrad() -> None:
    """Train neural networks in plain NumPy, and see every step."""
