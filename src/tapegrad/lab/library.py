"""The recipes that ship: folders of YAML files, one folder for each task."""

from __future__ import annotations

import functools
from importlib import resources
from importlib.resources.abc import Traversable

from ..errors import ArgumentError
from .nearest import nearest

__all__ = ["recipe_file", "recipes"]

_FIRST = "best"


def _folder() -> Traversable:
    return resources.files(__name__.rpartition(".")[0]) / "recipes"


@functools.cache
def _variants() -> dict[str, tuple[str, ...]]:
    found = {}
    folder = _folder()
    for entry in sorted(folder.iterdir(), key=lambda e: e.name) if folder.is_dir() else []:
        if entry.is_dir():
            files = sorted(f.name.removesuffix(".yaml") for f in entry.iterdir() if f.name.endswith(".yaml"))
            if files:
                found[entry.name] = tuple(sorted(files, key=lambda name: (not name.startswith(_FIRST), name)))
    return found


def recipes() -> dict[str, tuple[str, ...]]:
    """Return the names of the recipes with their variants, the one that the name alone stands for first."""
    return dict(_variants())


def recipe_file(name: str) -> Traversable:
    """Return the file of ``mnist/as-reported``, or of ``mnist``, which stands for mnist/best.

    Raises ArgumentError, with the nearest name, when there is none.
    """
    task, slash, variant = name.partition("/")
    known = recipes()
    if task not in known:
        raise ArgumentError("recipe", f"there is no recipe and no file '{name}'", nearest(task, known))
    variant = variant if slash else known[task][0]
    if variant not in known[task]:
        names = [f"{task}/{other}" for other in known[task]]
        raise ArgumentError("recipe", f"there is no recipe and no file '{name}'", nearest(name, names))
    return _folder() / task / f"{variant}.yaml"
