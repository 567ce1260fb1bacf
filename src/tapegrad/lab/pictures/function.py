"""A fitted function of one variable with its residuals."""

from __future__ import annotations

import os

import numpy as np

from ...errors import ShapeError
from . import canvas

__all__ = ["draw_function"]


@canvas.picture
def draw_function(
    x: np.ndarray, y: np.ndarray, prediction: np.ndarray, path: str | os.PathLike, *, lang: str = "en"
) -> str:
    """Draw the values to fit, the fitted curve, and below it the residuals (prediction − value); return the path.

    The three have as many values, (n,) or (n, 1), in any order. Raises ShapeError if they do not.
    """
    say = canvas.speaker(lang)
    x, y, prediction = (np.asarray(values, dtype=np.float64).ravel() for values in (x, y, prediction))
    if not x.size == y.size == prediction.size:
        raise ShapeError(
            "draw_function", f"there are {x.size} x, {y.size} y and {prediction.size} predictions", "give one of each"
        )
    order = np.argsort(x, kind="stable")
    x, y, prediction = x[order], y[order], prediction[order]
    residual = prediction - y
    few = x.size <= 60
    figure = canvas.figure(canvas.WIDTH, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    above.plot(x, y, "o", color=canvas.color(4), markersize=4 if few else 3, label=say("target"))
    above.plot(x, prediction, color=canvas.color(1), label=say("fitted"), marker="." if few else None)
    above.set_ylabel("y")
    above.legend()
    below.axhline(0, color="0.4", linewidth=0.8)
    below.vlines(x, 0, residual, color=canvas.color(0), linewidth=0.8, alpha=0.6)
    below.plot(x, residual, ".", color=canvas.color(0), markersize=4 if few else 2)
    below.set(xlabel="x", ylabel=say("residual"))
    known = residual[np.isfinite(residual)]
    if known.size:
        below.set_title(f"{say('mean absolute residual')} {abs(known).mean():.3g}", loc="right", fontsize=8)
    return canvas.save(figure, path)
