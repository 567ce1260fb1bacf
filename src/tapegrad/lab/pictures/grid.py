"""Sheets of images: samples with their classes, and the mistakes that the network was surest of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import fonts
from . import canvas

__all__ = ["draw_mistakes", "draw_samples"]


@canvas.picture
def draw_samples(
    images: np.ndarray,
    labels: np.ndarray | None,
    classes: Sequence[str] | None,
    path: str | os.PathLike,
    *,
    rows: int = 5,
    columns: int = 5,
    captions: Sequence[str] | None = None,
    title: str | None = None,
    lang: str = "en",
) -> str:
    """Draw the first ``rows · columns`` images with the name of their class above each, and return the path.

    Images are (n, height, width), (n, height, width, 3), or (n, channels, height, width) with 1 or 3 channels; bytes
    from 0 to 255, or floats whose smallest becomes black and largest white. ``captions`` are written below each.
    Raises ShapeError for arrays that are no images.
    """
    say = canvas.speaker(lang)
    shown = as_images(images)[: rows * columns]
    names = None if classes is None else fonts.drawable_names(classes)
    heads = [""] * len(shown)
    if labels is not None:
        heads = [fonts.drawable(k) if names is None else names[int(k)] for k in labels[: len(shown)]]
    feet = [fonts.drawable(text) for text in (captions or [""] * len(shown))][: len(shown)]
    return _sheet(shown, heads, feet, path, columns, title=fonts.drawable(title or ""), empty=say("no data"))


@canvas.picture
def draw_mistakes(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    path: str | os.PathLike,
    *,
    rows: int = 5,
    columns: int = 5,
    lang: str = "en",
) -> str:
    """Draw the mistakes that the network was surest of, surest first, and return the path.

    Above each image stand the predicted class with its probability and the true class. ``probabilities`` are
    (n, classes). Images as in :func:`draw_samples`.
    """
    say = canvas.speaker(lang)
    labels = np.asarray(labels)
    predicted = probabilities.argmax(axis=1)
    sure = np.nan_to_num(probabilities.max(axis=1), nan=0.0)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][: rows * columns]
    names = fonts.drawable_names(classes)
    heads = [
        f"{say('predicted')} {names[predicted[i]]} ({_percent(sure[i])})\n{say('true')} {names[labels[i]]}"
        for i in worst
    ]
    title = say("most confident").format(shown=len(worst), total=f"{len(wrong):,}") if len(worst) < len(wrong) else ""
    shown = as_images(images)[worst]
    return _sheet(shown, heads, [""] * len(worst), path, columns, title=title, empty=say("no mistakes"))


def _percent(share: float) -> str:
    """A probability in percent, never rounded up to certainty.

    >>> _percent(0.5), _percent(0.99999)
    ('50.0 %', '>99.9 %')
    """
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def as_images(images: np.ndarray) -> np.ndarray:
    """Return images as matplotlib wants them, (n, height, width) or (n, height, width, 3), from 0 to 1.

    >>> as_images(np.array([[[[0, 51], [102, 255]]]], dtype=np.uint8))
    array([[[0. , 0.2],
            [0.4, 1. ]]])
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        images = np.moveaxis(images, 1, -1)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[:, :, :, 0]
    if images.ndim != 3 and (images.ndim != 4 or images.shape[3] != 3):
        raise ShapeError("pictures", f"images have shape {images.shape}", "give (n, height, width) or with 3 colours")
    if images.dtype == np.uint8:
        return images / 255.0
    values = np.nan_to_num(images.astype(np.float64))
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    return (values - low) / ((high - low) or 1.0)


def _sheet(
    images: np.ndarray,
    heads: Sequence[str],
    feet: Sequence[str],
    path: str | os.PathLike,
    columns: int,
    *,
    title: str,
    empty: str,
) -> str:
    """Draw images in rows with words above and below each, letters as large as their width lets them be."""
    columns = max(min(columns, len(images)), 1) if len(images) < columns else columns
    rows = max(-(-len(images) // columns), 1)
    cell = min(canvas.WIDTH / columns, 1.5)
    lines = max([text.count("\n") + bool(text) for text in heads] + [0])
    lines += max([text.count("\n") + bool(text) for text in feet] + [0])
    ratio = images.shape[1] / images.shape[2] if images.size else 1.0
    letters = _letters([*heads, *feet], cell)
    height = rows * (cell * min(ratio, 3.0) + lines * letters / 52) + (0.3 if title else 0.0)
    figure = canvas.figure(cell * columns, max(height, 0.8))
    if not len(images):
        figure.set_size_inches(3.0, 0.8)
        canvas.note(figure.add_subplot(), empty)
        return canvas.save(figure, path)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.axis("off")
    for axes, image, head, foot in zip(grid.flat, images, heads, feet, strict=False):
        axes.axis("on")
        for spine in axes.spines.values():
            spine.set(visible=True, color="0.8", linewidth=0.6)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.grid(visible=False)
        axes.set_title(head, fontsize=letters, pad=2)
        axes.set_xlabel(foot, fontsize=letters, labelpad=2)
    if title:
        figure.suptitle(title, fontsize=9)
    return canvas.save(figure, path)


def _letters(texts: Sequence[str], cell: float) -> float:
    """The size in points at which the longest line fits a cell; Chinese characters are twice as wide as Latin letters."""
    lines = [line for text in texts for line in text.split("\n")]
    longest = max([sum(1.0 if ord(c) > 0x2E80 else 0.6 for c in line) for line in lines] + [1.0])
    return float(np.clip(72 * cell * 0.97 / longest, 5.0, 8.5))
