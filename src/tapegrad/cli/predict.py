"""``tapegrad predict RUN FILE...``."""

from __future__ import annotations

import click
import numpy as np

from ..errors import FileFormatError, MissingExtraError
from ..train import EXPERIMENTS, Run
from ..train.pictures import predict_all
from ..vision import datasets
from .evaluate import stored_settings, trained_model

__all__ = ["predict"]

# Farther out, float32 overflows inside the network.
_FARTHEST = 1e30


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--checkpoint", default=None, help="best, last, or a file.  [default: best; last for full-batch runs]")
@click.option("--invert", is_flag=True, help="For dark drawings on light paper: the sets have light strokes on black.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="Where runs are looked up by name.")
def predict(run: str, files: tuple[str, ...], checkpoint: str | None, invert: bool, runs: str) -> None:
    """Say what a trained network takes each FILE for.

    For networks trained on images FILE is an image (PNG, JPEG, BMP); for the spiral a CSV file with two numbers a line.
    """
    found = Run.find(run, runs)
    settings = stored_settings(found)
    experiment = EXPERIMENTS[settings.experiment]
    model = trained_model(found, settings, checkpoint)
    for path in files:
        if experiment.size is None:
            inputs = _read_points(path)
            names = [f"{path}:{i + 1}" for i in range(len(inputs))]
        else:
            inputs = (_read_image(path, experiment.size, invert) - experiment.mean) / experiment.spread
            names = [path]
        for name, row in zip(names, predict_all(model, inputs.astype(np.float32)), strict=True):
            click.echo(_answer(name, row, _classes(settings.experiment)))


def _classes(experiment: str) -> list[str]:
    if experiment == "fashion-mnist":
        return list(datasets.FashionMNIST.classes)
    return [str(i) for i in range(3 if experiment == "spiral" else 10)]


def _answer(name: str, probabilities: np.ndarray, classes: list[str]) -> str:
    order = np.argsort(-probabilities, kind="stable")[:3]
    return f"{name}: {classes[order[0]]}  (" + ", ".join(f"{classes[i]} {probabilities[i]:.1%}" for i in order) + ")"


def _read_image(path: str, size: tuple[int, int], invert: bool) -> np.ndarray:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("predict", "pillow", "lab") from None
    try:
        with Image.open(path) as image:
            grey = (
                np.asarray(image.convert("L").resize((size[1], size[0]), Image.Resampling.BILINEAR), dtype=np.float32)
                / 255
            )
    except UnidentifiedImageError:
        raise FileFormatError(path, "is no image that can be read", "give a PNG, JPEG or BMP file") from None
    except (SyntaxError, ValueError, OSError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileFormatError(path, f"is a damaged image ({error})", "save it again") from None
    return (1 - grey if invert else grey)[None, None]


def _read_points(path: str) -> np.ndarray:
    rows = []
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                x, y = (float(word) for word in line.replace(",", " ").split())
            except ValueError:
                raise FileFormatError(
                    f"{path}:{number}", f"'{line.strip()[:40]}' is not two numbers", "write x,y on each line"
                ) from None
            if not (abs(x) <= _FARTHEST and abs(y) <= _FARTHEST):
                raise FileFormatError(
                    f"{path}:{number}",
                    f"'{line.strip()[:40]}' is too far out, or no point",
                    f"write numbers up to {_FARTHEST:g}",
                )
            rows.append((x, y))
    if not rows:
        raise FileFormatError(path, "holds no points", "write x,y on each line")
    return np.array(rows)
