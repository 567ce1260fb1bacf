"""What a report measures on a run's data beside the final figures, and keeps in ``measured.json`` of the run."""

from __future__ import annotations

import json

import numpy as np

from ...errors import TapegradError
from ...formats.atomic import write_atomically
from .illustrations import assembled
from .view import RunView, undisturbed

__all__ = ["measure_more"]

_TENTHS = 10


def measure_more(view: RunView) -> None:
    """For the fit of a function of one variable: the mean absolute error in each tenth of the inputs' range.

    ``measured.json`` then holds ``part``, ``edges`` (11 numbers), ``mae`` (10), and ``mae_ends`` (over the first and the
    last tenth) and ``mae_middle``. Nothing happens for other tasks, for unfinished runs, and without data.
    """
    path = view.folder / "measured.json"
    if path.exists() or view.task != "regression" or view.input_shape != (1,) or view.run.result is None:
        return
    try:
        with undisturbed():
            found = _errors_by_input(view)
    except (TapegradError, OSError):
        return
    write_atomically(path, (json.dumps(found, indent=1) + "\n").encode())


def _errors_by_input(view: RunView) -> dict:
    from ..predict import predict_all

    assembly = assembled(view)
    name = "test" if assembly.sets.test is not None else "valid" if assembly.sets.valid is not None else "train"
    part = getattr(assembly.sets, name)
    error = np.abs(predict_all(assembly.model, part.inputs) - part.targets).reshape(len(part.targets), -1).mean(axis=1)
    error = error.astype(np.float64)
    x = part.inputs[:, 0].astype(np.float64)
    edges = np.linspace(x.min(), x.max(), _TENTHS + 1)
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, _TENTHS - 1)
    outer = (place == 0) | (place == _TENTHS - 1)

    def mean(chosen: np.ndarray) -> float | None:
        return float(error[chosen].mean()) if chosen.any() else None

    return {
        "part": name,
        "edges": edges.tolist(),
        "mae": [mean(place == i) for i in range(_TENTHS)],
        "mae_ends": mean(outer),
        "mae_middle": mean(~outer),
    }
