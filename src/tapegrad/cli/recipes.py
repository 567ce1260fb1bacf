"""``tapegrad recipes``."""

from __future__ import annotations

import sys
from typing import Any

import click

__all__ = ["recipes"]


@click.command(epilog="Example: tapegrad train mnist/as-reported")
def recipes() -> None:
    """List the recipes that come along: a name alone stands for its first variant."""
    from ..lab import library
    from ..lab.config import load_config

    rows = []
    for name, variants in library.recipes().items():
        for variant in variants:
            config = load_config(f"{name}/{variant}")
            shown = name if variant == variants[0] and variant == "best" else f"{name}/{variant}"
            rows.append((shown, _title(config.title), _network(config.model)))
    _print(("recipe", "title", "network"), rows)


def _title(title: Any) -> str:
    return title if isinstance(title, str) else title.get("en") or next(iter(title.values()), "")


def _network(model: Any) -> str:
    """Return the sizes of a network, or how many layers of each kind with weights it has."""
    if model.module is not None:
        return model.module.rpartition(":")[2]
    if isinstance(model.layers[0], int):
        return "-".join(map(str, model.layers))
    if all(layer.type in ("Flatten", "Linear", *_BETWEEN) for layer in model.layers):
        linear = [layer.arguments for layer in model.layers if layer.type == "Linear"]
        return "-".join(str(size) for size in [linear[0]["in_features"], *(a["out_features"] for a in linear)])
    kinds = [layer.type for layer in model.layers if layer.type.startswith(("Conv", "Linear"))]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


_BETWEEN = ("ReLU", "Tanh", "Sigmoid", "Dropout", "LogSoftmax", "Softmax")


def _print(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table: with lines and colours on a terminal, with tabs when another program reads it."""
    if not sys.stdout.isatty():
        for row in [heads, *rows]:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(f"[cyan]{row[0]}[/]", *row[1:])
    Console().print(table)
