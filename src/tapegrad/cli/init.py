"""``tapegrad init NAME``."""

from __future__ import annotations

import os

import click

from ..errors import ArgumentError
from ..formats.atomic import write_atomically

__all__ = ["init"]


@click.command(epilog="Example: tapegrad init mnist experiments/")
@click.argument("name", metavar="NAME")
@click.argument("target", metavar="[FOLDER|FILE.yaml]", default=".", type=click.Path())
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def init(name: str, target: str, force: bool) -> None:
    """Copy the recipe NAME to start from: into a folder, or as a file of another name."""
    from ..lab.library import recipe_file

    recipe = recipe_file(name)
    path = target
    if not target.endswith((".yaml", ".yml")):
        path = os.path.normpath(os.path.join(target, f"{name.replace('/', '-').removesuffix('-best')}.yaml"))
    if os.path.lexists(path) and not force:
        raise ArgumentError("init", f"{path} exists", "give another name, or --force to overwrite it")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_atomically(path, recipe.read_bytes())
    click.echo(
        f"recipe: {path}\ntrain it with: tapegrad train {path}\nor change it on the way: tapegrad train {path} optimizer.lr=0.01"
    )
