"""``tapegrad run SCRIPT``."""

from __future__ import annotations

import click

__all__ = ["run"]


@click.command(
    epilog="Example: tapegrad run mnist/main.py --epochs 1 --dry-run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(script: str, arguments: tuple[str, ...]) -> int:
    """Run a PyTorch script unchanged, with tapegrad in PyTorch's place.

    What follows SCRIPT goes to the script. See with `tapegrad check SCRIPT` which names it uses.
    """
    from ..compat import run_script

    return run_script(script, arguments)
