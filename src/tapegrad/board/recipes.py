"""The recipes that can be trained from the page."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..lab import library
from ..lab.yaml import read_yaml
from ..vision.datasets import data_root
from .answers import answer
from .web import Request, Response, Route
from .wording import in_languages, model_text

if TYPE_CHECKING:
    from .app import Board

__all__ = ["routes"]

# Sets that need files, and the folder below the data's root that holds them.
_FOLDERS = {"mnist": "mnist", "fashion-mnist": "fashion-mnist", "hanzi": "hanzi12"}
_ALWAYS = ("spiral", "moons", "circles", "sine", "digits")


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""

    def listed(request: Request) -> Response:
        return answer({"recipes": [{**row, "available": _is_there(row["set"])} for row in _rows()]})

    return [Route("/api/recipes", listed)]


@functools.cache
def _rows() -> list[dict[str, Any]]:
    return [_row(f"{task}/{variant}") for task, variants in library.recipes().items() for variant in variants]


def _row(name: str) -> dict[str, Any]:
    data = read_yaml(library.recipe_file(name).read_bytes(), name).data
    training, section = data.get("training") or {}, data.get("data") or {}
    optimizer = data.get("optimizer") or {}
    return {
        "name": name,
        "title": in_languages(data.get("title", "")),
        "description": in_languages(data.get("description", "")),
        "set": str(section.get("set", "")),
        "model": model_text(data),
        "epochs": training.get("epochs"),
        "steps": training.get("steps"),
        "lr": optimizer.get("lr") if isinstance(optimizer, dict) else None,
        "batch_size": section.get("batch_size", 128),
        "seed": data.get("seed", 0),
    }


def _is_there(name: str) -> bool:
    """Whether the files of a set are where they are looked for."""
    if name in _ALWAYS:
        return True
    root = data_root()
    if name in _FOLDERS:
        return (root / _FOLDERS[name]).is_dir()
    return any((folder / f"{name}.npz").is_file() for folder in (root, root / "medmnist"))
