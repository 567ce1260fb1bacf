"""``tapegrad schema``."""

from __future__ import annotations

import click

from ..formats.atomic import write_atomically
from .outputs import check_place

__all__ = ["schema"]


@click.command(epilog="Example: tapegrad schema -o experiment.schema.json")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it into this file.")
def schema(output: str | None) -> None:
    """Print the JSON schema of experiments, by which editors complete and check YAML files.

    Editors with the YAML language server read it from the first line of a file: # yaml-language-server: $schema=PATH
    """
    from ..lab.editor import schema_text

    if output is None:
        click.echo(schema_text(), nl=False)
        return
    check_place("schema", output)
    write_atomically(output, schema_text().encode())
    click.echo(f"schema: {output}\nfirst line of a recipe: # yaml-language-server: $schema={output}")
