"""``tapegrad predict RUN FILE...``."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from ..errors import FileFormatError
from ..lab.predict import predict_all
from ..lab.schema import Config
from ..train import Run
from .drawing import read_drawing
from .stored import stored_config, stored_data, trained_model

__all__ = ["predict"]

# Farther out, float32 overflows inside the network.
_FARTHEST = 1e30


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--checkpoint", default=None, help="best, last, or a file.  [default: best where there is one]")
@click.option(
    "--invert/--no-invert",
    default=None,
    help="For dark drawings on light paper: the sets have light strokes on black.  [default: by the border's brightness]",
)
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def predict(run: str, files: tuple[str, ...], checkpoint: str | None, invert: bool | None, runs: str) -> None:
    """Say what a trained network takes each FILE for.

    For networks trained on images FILE is an image (PNG, JPEG, BMP); else a CSV file with a sample's numbers on each line.
    """
    found = Run.find(run, runs)
    config, data = stored_config(found), stored_data(found)
    model = trained_model(found, config, checkpoint)
    shape = data["input_shape"]
    for path in files:
        if len(shape) == 3:
            inputs, names = read_drawing(path, shape, invert), [path]
        else:
            inputs = _read_rows(path, int(np.prod(shape)))
            names = [f"{path}:{i + 1}" for i in range(len(inputs))]
        outputs = predict_all(
            model, _standardised(inputs, data, config.dtype), probabilities=data["task"] == "classification"
        )
        for name, row in zip(names, outputs, strict=True):
            click.echo(f"{name}: {_answer(row, config, data)}")


def _standardised(inputs: np.ndarray, data: dict[str, Any], dtype: str) -> np.ndarray:
    statistics = data["statistics"]
    mean, std = np.asarray(statistics.get("mean", 0.0)), np.asarray(statistics.get("std", 1.0))
    return ((inputs - mean) / std).astype(dtype)


def _answer(row: np.ndarray, config: Config, data: dict[str, Any]) -> str:
    classes = data.get("classes")
    if data["task"] == "classification":
        names = classes or [str(i) for i in range(len(row))]
        order = np.argsort(-row, kind="stable")[:3]
        return f"{names[order[0]]}  (" + ", ".join(f"{names[i]} {row[i]:.1%}" for i in order) + ")"
    values = ", ".join(f"{value:.4g}" for value in row)
    if config.data.target_scale is None or not classes:
        return values
    nearest = int(np.clip(np.rint(row[0] * config.data.target_scale), 0, len(classes) - 1))
    return f"{classes[nearest]}  (output {values})"


def _read_rows(path: str, count: int) -> np.ndarray:
    rows = []
    wanted = "two numbers" if count == 2 else f"{count} number{'s' if count > 1 else ''}"
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            shown = f"'{line.strip()[:40]}'"
            try:
                values = [float(word) for word in line.replace(",", " ").split()]
            except ValueError:
                values = []
            if len(values) != count:
                raise FileFormatError(f"{path}:{number}", f"{shown} is not {wanted}", "write one sample on each line")
            if not all(abs(value) <= _FARTHEST for value in values):
                raise FileFormatError(
                    f"{path}:{number}", f"{shown} is too far out, or no number", f"write numbers up to {_FARTHEST:g}"
                )
            rows.append(values)
    if not rows:
        raise FileFormatError(path, "holds no samples", "write one sample on each line, its numbers apart by commas")
    return np.array(rows)
