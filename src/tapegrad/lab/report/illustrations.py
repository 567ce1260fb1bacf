"""The pictures of a report: those that the run has, or drawn anew in the report's language."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

from ...errors import TapegradError
from ...train import Run
from .view import RunView, undisturbed

__all__ = ["illustrate"]

# The run's own pictures are labelled in English.
_OWN = "en"


def illustrate(view: RunView, lang: str, folder: pathlib.Path, prefix: str) -> tuple[dict[str, pathlib.Path], str]:
    """Put a run's pictures into a folder; return their paths by what they show, and why some are missing, or "".

    Names of files begin with ``prefix`` and end with the language. In another language than the run's own the
    pictures are drawn anew, from the data and the weights where there are, else as far as the run's records go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{prefix}{lang}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        own = {path.stem for path in view.run.pictures.glob("*.png")}
        why = ""
        if lang != _OWN or "curves" not in own:
            why = _draw(view, lang, scratch)
        drawn = {path.stem for path in scratch.glob("*.png")}
        for name in own - drawn:
            shutil.copyfile(view.run.pictures / f"{name}.png", scratch / f"{name}.png")
        why = _draw_network(view, lang, scratch / "network.png") or why
        found = {}
        for path in sorted(scratch.glob("*.png")):
            found[path.stem] = path.replace(folder / f"{prefix}{path.stem}-{lang}.png")
        return found, why
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _draw(view: RunView, lang: str, folder: pathlib.Path) -> str:
    """Draw what a finished run has; return why that is not all."""
    try:
        if view.run.result is not None:
            with undisturbed():
                _draw_all(view, lang, folder)
            return ""
    except (TapegradError, OSError) as error:
        why = str(error)
    else:
        why = ""
    try:
        _draw_records(view, lang, folder)
    except (TapegradError, OSError) as error:
        why = str(error)
    return why


def _draw_all(view: RunView, lang: str, folder: pathlib.Path) -> None:
    from ..illustrate import draw_run

    assembly = assembled(view)
    assembly.trainer.history = [dict(record) for record in view.epochs]
    run = Run(view.folder)
    run.pictures = folder
    draw_run(assembly, run, dict(view.run.result or {}), lang)


def assembled(view: RunView) -> Any:
    """Return the run's data, and its network with the weights that were measured.

    Raises the errors of data that are not there, and of a checkpoint that is damaged.
    """
    from ...train import load_weights
    from ..build import build

    assembly = build(view.config)
    which = view.config.evaluation.checkpoint if assembly.sets.valid is not None else "last"
    load_weights(view.run.checkpoints / f"{which}.safetensors", assembly.model)
    assembly.trainer.ema = None
    return assembly


def _draw_records(view: RunView, lang: str, folder: pathlib.Path) -> None:
    """Draw what the events and the result alone can show."""
    import numpy as np

    from .. import pictures

    if view.epochs:
        pictures.draw_curves(view.epochs, folder / "curves.png", lang=lang)
    result = view.run.result or {}
    if result.get("confusion") and view.classes:
        pictures.draw_confusion(np.asarray(result["confusion"]), view.classes, folder / "confusion.png", lang=lang)
    if len(view.statistics) > 1:
        for kind in ("activation", "gradient"):
            pictures.draw_distributions(view.statistics, folder / f"{kind}s.png", kind=kind, lang=lang)


def _draw_network(view: RunView, lang: str, path: pathlib.Path) -> str:
    from .. import pictures

    layers = view.layers()
    if not layers:
        return ""
    try:
        pictures.draw_network(layers, path, lang=lang)
    except TapegradError as error:
        return str(error)
    return ""
