"""``tapegrad board [FOLDERS]``."""

from __future__ import annotations

import os

import click

from ..errors import ArgumentError

__all__ = ["board"]


@click.command(epilog="Example: tapegrad board runs sweeps")
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path())
@click.option("--port", type=click.IntRange(0, 65535), help="The port; left out, the first free one from 8642 on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0: for other machines.")
@click.option("--token", help="What the address must carry; drawn anew where other machines can reach the board.")
@click.option("--trust", "trusts", is_flag=True, help="Run the Python files of networks in FOLDER, whoever wrote them.")
@click.option("--no-open", is_flag=True, help="Open no browser.")
def board(folders: tuple[str, ...], port: int | None, host: str, token: str | None, trusts: bool, no_open: bool) -> int:
    """Show runs, sweeps and trainings that are going on in a local web page, until Ctrl-C.

    FOLDER holds runs or sweeps, is one, or has them in its folders runs and sweeps; by default those of this folder.
    New trainings are written into the first, or beside it where it is a run. A network's own Python file runs
    where you trained it, and else with --trust.
    """
    from ..board.server import serve

    for folder in folders:
        if not os.path.isdir(folder):
            raise ArgumentError("board", f"there is no folder {folder}", "give a folder of runs, or train one first")
    if trusts and not folders:
        raise ArgumentError("board", "--trust is given without a folder", "name the folders whose networks may run")
    chosen = folders or ("runs", "sweeps")

    def tell(address: str) -> None:
        click.echo(f"board: {address}\nCtrl-C ends it; trainings go on")

    serve(chosen, host=host, port=port, token=token, trusts=trusts, open_page=not no_open, tell=tell)
    return 0
