"""One factor of an ablation: the metric at each of its levels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import fonts
from . import canvas

__all__ = ["draw_factor"]


@canvas.picture
def draw_factor(
    levels: Sequence[Any],
    means: Sequence[float],
    deviations: Sequence[float],
    path: str | os.PathLike,
    *,
    factor: str,
    metric: str,
    points: Sequence[Sequence[float]] | None = None,
    lang: str = "en",
) -> str:
    """Draw a metric's mean ± standard deviation at each level of a factor, and return the path.

    Numeric levels lie where they belong, on a logarithmic axis if they are spaced by factors; names, and numbers with
    a zero among powers (0, 1e-4, 1e-3), side by side. ``points`` are the single runs' values for each level. A mean
    that is missing (a failed trial) leaves its place empty.
    Raises ShapeError if there are not as many means and deviations as levels.
    """
    from matplotlib.transforms import offset_copy

    say = canvas.speaker(lang)
    if not len(levels) == len(means) == len(deviations) or (points is not None and len(points) != len(levels)):
        counts = f"{len(levels)} levels, {len(means)} means, {len(deviations)} deviations"
        raise ShapeError("draw_factor", counts, "give one of each")
    numeric = _are_numbers(levels)
    order = np.argsort([float(v) for v in levels], kind="stable").tolist() if numeric else list(range(len(levels)))
    scale = _scale([float(levels[i]) for i in order]) if numeric else "names"
    names = _names([levels[i] for i in order], scale)
    place = np.array([float(levels[i]) for i in order]) if scale != "names" else np.arange(len(order), dtype=float)
    figure = canvas.figure(min(canvas.WIDTH, max(3.2, 1.6 + 0.7 * len(order))), 2.8)
    axes = figure.add_subplot()
    if points is not None:
        beside = offset_copy(axes.transData, figure, x=7, units="points")
        for x, i in zip(place, order, strict=True):
            runs = canvas.finite(points[i])
            axes.plot(np.full(runs.size, x), runs, "o", color=canvas.color(1), markersize=3, transform=beside)
    mean, spread = (
        canvas.finite([means[i] for i in order]),
        np.nan_to_num(canvas.finite([deviations[i] for i in order])),
    )
    style: dict[str, Any] = {"linestyle": "none"} if scale == "names" and not numeric else {"linewidth": 1.0}
    axes.errorbar(place, mean, yerr=spread, marker="o", markersize=5, capsize=3, color=canvas.color(0), **style)
    axes.set(xlabel=fonts.drawable(factor), ylabel=say(metric))
    _ticks(axes, place, names, scale)
    return canvas.save(figure, path)


def _are_numbers(levels: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float | np.number) and not isinstance(v, bool) and np.isfinite(v) for v in levels)


def _scale(levels: Sequence[float]) -> str:
    """Return which axis sorted numbers belong on: ``"log"``, ``"linear"``, or side by side as ``"names"``.

    >>> _scale([1e-4, 1e-3, 1e-2]), _scale([100, 200, 300]), _scale([0, 1e-4, 1e-3, 1e-2])
    ('log', 'linear', 'names')
    """
    positive = [v for v in levels if v > 0]
    wide = (
        len(positive) > 1 and positive[-1] / positive[0] >= 8 and _even(np.log(positive)) <= _even(np.array(positive))
    )
    if len(positive) == len(levels):
        return "log" if wide else "linear"
    return "names" if wide else "linear"


def _even(places: np.ndarray) -> float:
    """How unevenly sorted places are spaced: the spread of their distances over the mean distance."""
    steps = np.diff(np.unique(places))
    return float(steps.std() / steps.mean()) if steps.size else 0.0


def _ticks(axes: Any, place: np.ndarray, names: Sequence[str], scale: str) -> None:
    """Put a tick at every level, written as it was given."""
    from matplotlib.ticker import NullLocator

    if scale == "log":
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    long = sum(map(len, names)) > 8 * axes.figure.get_figwidth()
    axes.set_xticks(place, names, **({"rotation": 30, "ha": "right"} if long else {}))
    if scale == "names":
        axes.set_xlim(-0.5, len(place) - 0.5)


def _names(levels: Sequence[Any], scale: str) -> list[str]:
    """Levels as a person writes them; small powers all alike.

    >>> _names([0, 1e-4, 1e-2], "names"), _names([100, 400], "linear"), _names(["tanh", True], "names")
    (['0', '1e-4', '1e-2'], ['100', '400'], ['tanh', 'True'])
    >>> _names([0.1, 0.2], "linear"), _names([1e6], "linear")
    (['0.1', '0.2'], ['1e6'])
    """
    if not _are_numbers(levels):
        return [fonts.drawable(level) for level in levels]
    short = [f"{float(level):.6g}" for level in levels]
    if scale != "linear" and any(0 < abs(level) < 1e-2 for level in levels):
        short = [f"{float(level):.5e}" if level else "0" for level in levels]
    parts = [text.partition("e") for text in short]
    return [f"{float(mantissa):g}e{int(power)}" if power else mantissa for mantissa, _, power in parts]
