"""The confusion matrix: counted, and drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ...errors import DataError, ShapeError
from .. import fonts
from . import canvas

__all__ = ["confusion_matrix", "draw_confusion"]

_MOST_COUNTS = 26  # classes whose counts can still be read in a column's width


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each true class (row) was taken for each class (column).

    Raises ShapeError if there are not as many labels as predictions, DataError for one that is no class.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ShapeError(
            "confusion_matrix", f"labels {labels.shape}, predictions {predictions.shape}", "give one of each a sample"
        )
    for name, values in (("label", labels), ("prediction", predictions)):
        outside = (values < 0) | (values >= classes)
        if outside.any():
            first = values[outside.argmax()]
            raise DataError("confusion_matrix", f"{name} {first} is no class", f"number them 0 to {classes - 1}")
    pairs = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@canvas.picture
def draw_confusion(matrix: np.ndarray, classes: Sequence[str], path: str | os.PathLike, *, lang: str = "en") -> str:
    """Draw a confusion matrix with its counts, colored by the share of each true class, and return the path.

    The scale of the color goes with the square root, so that a few mistakes show. Counts are written up to
    26 classes. Raises ShapeError if the matrix does not have a row and a column for each class.
    """
    say = canvas.speaker(lang)
    matrix, count = np.asarray(matrix), len(classes)
    if matrix.shape != (count, count):
        raise ShapeError("draw_confusion", f"a matrix {matrix.shape} for {count} classes", "give a row for each class")
    from matplotlib.colors import PowerNorm

    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(1.6 + 0.42 * count, 2.6, canvas.WIDTH - 0.8))
    figure = canvas.figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if count <= _MOST_COUNTS:
        _write_counts(axes, matrix, share)
    names = [name if len(name) <= 14 else name[:13] + "…" for name in fonts.drawable_names(classes)]
    letters = 8 if count <= 20 else max(3.0, 160 / count)
    upright = max(map(len, names), default=0) <= 2
    turn = {} if upright else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(count), names, fontsize=letters, **turn)
    axes.set_yticks(range(count), names, fontsize=letters)
    axes.set(xlabel=say("predicted"), ylabel=say("true"))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    total = int(matrix.sum())
    axes.set_title(f"{say('accuracy')} {np.trace(matrix) / max(total, 1):.4f} ({total:,} {say('samples')})")
    bar = canvas.color_bar(axes, image, say("share of the true class"))
    bar.set_ticks([0, 0.01, 0.1, 0.25, 0.5, 1], labels=["0", "1 %", "10 %", "25 %", "50 %", "100 %"])
    return canvas.save(figure, path)


def _write_counts(axes, matrix: np.ndarray, share: np.ndarray) -> None:
    digits = len(str(int(matrix.max(initial=0))))
    size = 8.0 if len(matrix) <= 10 else 7.5 if len(matrix) <= 12 else 90 / len(matrix)
    size = min(size, size * 4 / max(digits, 4))
    for (row, column), number in np.ndenumerate(matrix):
        if number:
            ink = "white" if share[row, column] > 0.4 else "black"
            axes.text(column, row, f"{number:g}", ha="center", va="center", fontsize=size, color=ink)
