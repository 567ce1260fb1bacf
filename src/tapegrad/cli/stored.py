"""What commands read of a run's folder: its recipe, its checkpoints, its trained network."""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import ArgumentError, FileFormatError
from ..lab.build import build_model
from ..lab.config import load_config
from ..lab.schema import Config
from ..train import Run, load_weights

__all__ = ["checkpoint_path", "stored_config", "stored_data", "trained_model"]


def stored_config(run: Run, root: str | None = None) -> Config:
    """Return the configuration of a run; ``root`` replaces the folder of the data sets."""
    return load_config(run.folder / "recipe.yaml", [] if root is None else [f"data.root={json.dumps(root)}"])


def stored_data(run: Run) -> dict[str, Any]:
    """Return what the run noted about its data: task, classes, shape of an input, statistics.

    Raises FileFormatError when the file is missing or damaged.
    """
    path = run.folder / "data.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(data["input_shape"], list) and isinstance(data["statistics"], dict)):
            raise ValueError("it does not describe any data")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise FileFormatError(str(path), "is missing or damaged", "restore it, or train again") from None
    return data


def checkpoint_path(run: Run, which: str | None) -> str:
    """Return the path of ``best``, ``last``, or a file of one's own; by default the best, else the last.

    Raises ArgumentError when there is no such file.
    """
    stored = {name: str(run.checkpoints / f"{name}.safetensors") for name in ("best", "last")}
    if which is None:
        which = next((name for name, path in stored.items() if os.path.isfile(path)), "last")
    path = stored.get(which, which)
    if not os.path.isfile(path):
        raise ArgumentError("checkpoint", f"there is no file {path}", "use best, last, or the path of a checkpoint")
    return path


def trained_model(run: Run, config: Config, which: str | None) -> Any:
    """Return the run's network with the weights of a checkpoint, in evaluation mode, without loading the data."""
    model = build_model(config, stored_data(run)["input_shape"])
    load_weights(checkpoint_path(run, which), model)
    return model.eval()
