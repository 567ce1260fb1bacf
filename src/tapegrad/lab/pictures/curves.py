"""Curves of a training: losses, metrics and learning rate over epochs or steps; and of many trainings in one figure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import fonts
from . import canvas

__all__ = ["draw_comparison", "draw_curves"]

Record = Mapping[str, Any]

_NO_METRIC = {"epoch", "step", "rate", "loss", "penalty", "seconds", "batch", "time", "event", "kind"}


@canvas.picture
def draw_curves(
    records: Sequence[Record],
    path: str | os.PathLike,
    *,
    metrics: Sequence[str] | None = None,
    best: int | None = None,
    lang: str = "en",
) -> str:
    """Draw a training's records and return the path: the loss, each metric, and the learning rate where it changes.

    Each panel has the training's curve, and the validation's (``valid_<metric>``) where there is one; the loss has
    the ``penalty`` as well. ``metrics`` chooses the metrics (default: all that the records have); ``best`` marks an
    epoch. The x axis counts steps when each epoch was one step, as full batches are, else epochs. Values that span
    more than two decades get a logarithmic axis.
    """
    say = canvas.speaker(lang)
    panels = ["loss", *(found_metrics(records) if metrics is None else metrics)]
    panels = [name for name in panels if _has(records, name) or _has(records, f"valid_{name}")]
    if len(set(_values(records, "rate")[~np.isnan(_values(records, "rate"))])) > 1:
        panels.append("rate")
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)] or [["loss"]]
    if len(rows[-1]) == 1 and len(rows) > 1:
        rows[-1] *= 2
    heights = [0.6 if row == ["rate", "rate"] else 1.0 for row in rows]
    figure = canvas.figure(canvas.WIDTH, 0.3 + 2.2 * sum(heights))
    axes = figure.subplot_mosaic(rows, height_ratios=heights)
    x_key = "step" if one_step_an_epoch(records) else "epoch"
    for name, axis in axes.items():
        _panel(axis, records, name, x_key, say, best)
    return canvas.save(figure, path)


def _panel(axes: Any, records: Sequence[Record], name: str, x_key: str, say: Any, best: int | None) -> None:
    x = _values(records, x_key)
    lines = [(name, "training", 0), (f"valid_{name}", "validation", 1)]
    lines += [("penalty", "penalty", 2)] if name == "loss" else []
    shown = [(key, label, i) for key, label, i in lines if _has(records, key)]
    if not shown:
        return canvas.note(axes, say("no data"))
    for key, label, i in shown:
        y = _values(records, key)
        present = ~np.isnan(y)
        axes.plot(x[present], y[present], label=say(label), color=canvas.color(i), marker=_marker(present.sum()))
    measured = np.concatenate([_values(records, key) for key, _, i in shown if i < 2])
    if name == "rate":
        # Schedules that end near zero would else show their last steps alone.
        measured = measured[measured >= np.nanpercentile(measured, 10)]
    canvas.logarithmic(axes, measured)
    if best is not None:
        axes.axvline(best, color="0.5", linewidth=0.8, linestyle=":", zorder=0)
    if name != "rate" and len(shown) > 1:
        axes.legend()
    axes.set(xlabel=say(x_key), ylabel=say(name))
    canvas.integer_ticks(axes.xaxis)
    return None


@canvas.picture
def draw_comparison(
    runs: Mapping[str, Sequence[Any]],
    path: str | os.PathLike,
    *,
    metric: str = "loss",
    title: str | None = None,
    lang: str = "en",
) -> str:
    """Draw one metric of many trainings in one figure and return the path.

    ``runs`` maps a name to the records of one training, or to a list of such trainings with different seeds: these
    give their mean with a band of one standard deviation. Where the seeds stopped at different epochs, each epoch's
    mean is over those that reached it.
    """
    say = canvas.speaker(lang)
    seeds = {name: _as_runs(value) for name, value in runs.items()}
    everything = [record for trials in seeds.values() for trial in trials for record in trial]
    x_key = "step" if one_step_an_epoch(everything) else "epoch"
    figure = canvas.figure(canvas.WIDTH, 3.4 if len(seeds) <= 14 else 0.2 * len(seeds) + 0.6)
    axes = figure.add_subplot()
    drawn = []
    for (name, trials), style in zip(seeds.items(), canvas.styled_lines(len(seeds)), strict=True):
        x, mean, deviation = mean_over_seeds(trials, metric, x_key)
        if len(x):
            drawn.append(mean)
            axes.plot(x, mean, label=fonts.drawable(name), marker=_marker(len(x)), **style)
            axes.fill_between(x, mean - deviation, mean + deviation, color=style["color"], alpha=0.18, linewidth=0)
    if not drawn:
        canvas.note(axes, f"{say('no data')}: {fonts.drawable(metric)}")
        return canvas.save(figure, path)
    canvas.logarithmic(axes, np.concatenate(drawn))
    axes.set(xlabel=say(x_key), ylabel=say(metric), title=fonts.drawable(title or ""))
    canvas.integer_ticks(axes.xaxis)
    if len(drawn) > 5 or max(map(len, seeds)) > 24:
        figure.legend(loc="outside right center")
    else:
        axes.legend()
    return canvas.save(figure, path)


def mean_over_seeds(
    trials: Sequence[Sequence[Record]], metric: str, x_key: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the x values, and the mean and the standard deviation (n − 1) of a metric over the trials that have it.

    >>> first = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
    >>> mean_over_seeds([first, [{"epoch": 1, "loss": 3.0}]], "loss", "epoch")
    (array([1., 2.]), array([2. , 0.5]), array([1.41421356, 0.        ]))
    """
    gathered: dict[float, list[float]] = {}
    for trial in trials:
        for x, y in zip(_values(trial, x_key), _values(trial, metric), strict=True):
            if not (np.isnan(x) or np.isnan(y)):
                gathered.setdefault(float(x), []).append(float(y))
    x = np.array(sorted(gathered))
    mean = np.array([np.mean(gathered[k]) for k in x.tolist()])
    deviation = np.array([np.std(gathered[k], ddof=1) if len(gathered[k]) > 1 else 0.0 for k in x.tolist()])
    return x, mean, deviation


def _as_runs(value: Sequence[Any]) -> list[Sequence[Record]]:
    return [value] if not value or isinstance(value[0], Mapping) else list(value)


def found_metrics(records: Sequence[Record]) -> list[str]:
    """Return the names of the metrics in the records, in their order: numbers that are no loss and no counter."""
    names: dict[str, None] = {}
    for record in records:
        for key, value in record.items():
            name = key.removeprefix("valid_")
            if name not in _NO_METRIC and isinstance(value, int | float | np.number):
                names[name] = None
    return list(names)


def one_step_an_epoch(records: Sequence[Record]) -> bool:
    """Whether every epoch was one step, or the records count steps alone."""
    return bool(records) and all(r.get("epoch", r.get("step")) == r.get("step") for r in records)


def _values(records: Sequence[Record], key: str) -> np.ndarray:
    return canvas.finite([record.get(key) for record in records])


def _has(records: Sequence[Record], key: str) -> bool:
    return bool((~np.isnan(_values(records, key))).any())


def _marker(points: int) -> str | None:
    return "o" if points < 20 else None
