"""The learning-rate finder's curve."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ...errors import ShapeError
from . import canvas

__all__ = ["draw_rate_finder"]


@canvas.picture
def draw_rate_finder(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestion: float | None,
    path: str | os.PathLike,
    *,
    lang: str = "en",
) -> str:
    """Draw the loss over the learning rate (logarithmic) with the suggested rate marked, and return the path.

    The y axis ends a little above the loss at the start: where the training diverges the curve leaves the picture.
    Raises ShapeError if there are not as many losses as rates.
    """
    say = canvas.speaker(lang)
    if len(rates) != len(losses):
        raise ShapeError("draw_rate_finder", f"{len(rates)} rates, {len(losses)} losses", "give a loss for each rate")
    x, y = canvas.finite(rates), canvas.finite(losses)
    present = ~(np.isnan(x) | np.isnan(y)) & (np.nan_to_num(x) > 0)
    x, y = x[present], y[present]
    figure = canvas.figure(canvas.WIDTH * 0.75, 3.0)
    axes = figure.add_subplot()
    if not x.size:
        canvas.note(axes, say("no data"))
        return canvas.save(figure, path)
    axes.plot(x, y, color=canvas.color(0), marker="o" if x.size < 20 else None)
    axes.set(xscale="log", xlabel=say("learning rate"), ylabel=say("loss"))
    low, start = float(y.min()), float(np.median(y[: max(len(y) // 10, 1)]))
    if y.max() > start + (start - low) * 0.5 > low:
        axes.set_ylim(low - 0.08 * (start - low), start + 0.5 * (start - low))
    if suggestion is not None and np.isfinite(suggestion) and suggestion > 0:
        axes.axvline(suggestion, color=canvas.color(1), linestyle="--")
        axes.set_title(f"{say('suggested')} {suggestion:.2g}", color=canvas.color(1))
    return canvas.save(figure, path)
