"""What went on inside the network: distributions of activations and gradients, dead units, norms, over the steps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, did_you_mean
from .. import fonts
from . import canvas

__all__ = ["draw_distributions", "draw_statistics"]

Record = Mapping[str, Any]

_MOST = 12  # layers that fit a page
_PERCENTILES = (5, 50, 95)

# Layers whose values are those of the layer before them.
_PASSING_ON = ("Flatten", "Unflatten", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")


@canvas.picture
def draw_distributions(
    statistics: Sequence[Record], path: str | os.PathLike, *, kind: str = "activation", lang: str = "en"
) -> str:
    """Draw each layer's distribution of activations or gradients over the steps, and return the path.

    A column of a strip is the histogram of one step, the darker the more values; the lines are the 5th, 50th and
    95th percentile. The axis reaches as far as the values of nine steps in ten do. ``statistics`` are records
    ``{"step": ..., "layers": {path: {"kind": ..., "activation": {"histogram": {"low": ..., "high": ...,
    "counts": [...]}}, "gradient": {...}}}}``. Of more than twelve layers twelve are drawn, evenly chosen. Raises ArgumentError for another ``kind`` than ``"activation"`` and ``"gradient"``.
    """
    say = canvas.speaker(lang)
    if kind not in ("activation", "gradient"):
        kinds = ("activation", "gradient")
        raise ArgumentError("draw_distributions", f"there is no kind '{kind}'", did_you_mean(kind, kinds))
    layers = [name for name, what in _layers(statistics).items() if what not in _PASSING_ON]
    strips = {name: strip for name in layers if (strip := _strip(statistics, name, kind))}
    if len(strips) > _MOST:
        chosen = np.linspace(0, len(strips) - 1, _MOST).round().astype(int)
        strips = {name: strips[name] for name in np.array(list(strips))[chosen].tolist()}
    columns = 1 if len(strips) == 1 else 2
    rows = max(-(-len(strips) // columns), 1)
    figure = canvas.figure(canvas.WIDTH, 0.6 + 1.3 * rows)
    if not strips:
        canvas.note(figure.add_subplot(), say("no data"))
        return canvas.save(figure, path)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axes, (name, (steps, histograms)) in zip(grid.flat, strips.items(), strict=False):
        _draw_strip(axes, steps, histograms)
        axes.set_title(fonts.drawable(f"{name} ({_layers(statistics)[name]})"), fontsize=8)
    for above, axes in zip(grid.flat[len(strips) - columns :], grid.flat[len(strips) :], strict=False):
        above.tick_params(labelbottom=True)
        axes.remove()
    figure.suptitle(f"{say(kind)}: {say('how to read a strip')}", fontsize=8)
    figure.supxlabel(say("step"), fontsize=9)
    return canvas.save(figure, path)


@canvas.picture
def draw_statistics(statistics: Sequence[Record], path: str | os.PathLike, *, lang: str = "en") -> str:
    """Draw each layer's dead and saturated share, gradient norm and update ratio over the steps; return the path.

    Records as in :func:`draw_distributions`, with ``dead_share`` and ``saturated_share`` in ``activation``, ``norm``
    in ``gradient``, and ``update_ratio``. What no layer has is left out. Dead units are drawn for the layers that
    have any, and for rectifiers.
    """
    say = canvas.speaker(lang)
    layers = _layers(statistics)
    panels = {
        name: curves
        for name, place in (
            ("dead_share", ("activation", "dead_share")),
            ("saturated_share", ("activation", "saturated_share")),
            ("gradient_norm", ("gradient", "norm")),
            ("update_ratio", ("update_ratio",)),
        )
        if (curves := _curves(statistics, layers, place))
    }
    shown = [name for name in layers if any(name in curves for curves in panels.values())]
    styles = dict(zip(shown, canvas.styled_lines(len(shown)), strict=True))
    rows = [list(panels)[i : i + 2] for i in range(0, len(panels), 2)] or [["none"]]
    if len(rows) > 1 and len(rows[-1]) == 1:
        rows[-1] *= 2
    figure = canvas.figure(canvas.WIDTH, 0.3 + 2.1 * len(rows))
    for name, axes in figure.subplot_mosaic(rows).items():
        if name == "none":
            canvas.note(axes, say("no data"))
            continue
        for layer, (steps, values) in panels[name].items():
            marker = "o" if len(steps) < 20 else None
            axes.plot(steps, values, marker=marker, markersize=3, **styles[layer])
        if name.endswith("share"):
            axes.set_ylim(-0.03, max(1.03 * max(np.nanmax(v) for _, v in panels[name].values()), 0.2))
        else:
            _logarithmic_without_zeros(axes, panels[name].values())
        axes.set(xlabel=say("step"), ylabel=say(name))
        canvas.integer_ticks(axes.xaxis)
    if shown:
        from matplotlib.lines import Line2D

        handles = [Line2D([], [], **styles[layer]) for layer in shown]
        names = [fonts.drawable(_title(layer, layers[layer])) for layer in shown]
        figure.legend(handles, names, loc="outside right center")
    return canvas.save(figure, path)


def _layers(statistics: Sequence[Record]) -> dict[str, str]:
    """The layers' paths in order, with their kinds."""
    found: dict[str, str] = {}
    for record in statistics:
        for name, layer in record.get("layers", {}).items():
            found.setdefault(name, str(layer.get("kind", "")))
    return found


def _strip(statistics: Sequence[Record], layer: str, kind: str) -> tuple[list[float], list[Record]] | None:
    """The steps at which a layer's histogram was taken, rising, and the histograms; those without values left out."""
    found: dict[float, Record] = {}
    for record in statistics:
        histogram = record.get("layers", {}).get(layer, {}).get(kind, {}).get("histogram")
        if histogram and sum(histogram["counts"]) > 0:
            found[float(record["step"])] = histogram
    return (sorted(found), [found[step] for step in sorted(found)]) if found else None


def _draw_strip(axes: Any, steps: Sequence[float], histograms: Sequence[Record]) -> None:
    from matplotlib.colors import PowerNorm

    lines = np.array([percentiles_of(histogram, _PERCENTILES) for histogram in histograms])
    ends = np.array([percentiles_of(histogram, (0.5, 99.5)) for histogram in histograms])
    # A few steps with values far out, as the first often is, would else leave the others a line.
    low, high = float(np.percentile(ends[:, 0], 10)), float(np.percentile(ends[:, 1], 90))
    edges = np.linspace(low, high if high > low else low + 1.0, 61)
    shares = np.array([shares_between(histogram, edges) for histogram in histograms])
    axes.pcolormesh(
        _borders(np.array(steps)), edges, shares.T, cmap="Blues", norm=PowerNorm(0.4, vmin=0), rasterized=True
    )
    axes.set_ylim(edges[0], edges[-1])
    for column, dash in zip(lines.T, (":", "-", ":"), strict=True):
        axes.plot(steps, column, color=canvas.color(1), linewidth=0.9, linestyle=dash)
    axes.grid(visible=False)
    canvas.integer_ticks(axes.xaxis)
    axes.tick_params(labelsize=7)


def _borders(steps: np.ndarray) -> np.ndarray:
    """The borders of the columns of a strip: half way between two steps."""
    between = (steps[1:] + steps[:-1]) / 2
    reach = (steps[-1] - steps[-2]) / 2 if steps.size > 1 else 0.5
    return np.concatenate([[steps[0] - min(reach, 0.5)], between, [steps[-1] + reach]])


def _cumulated(histogram: Record) -> tuple[np.ndarray, np.ndarray]:
    """A histogram's edges and the share of values below each."""
    counts = np.asarray(histogram["counts"], dtype=np.float64)
    edges = np.linspace(histogram["low"], histogram["high"], counts.size + 1)
    return edges, np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()


def shares_between(histogram: Record, edges: np.ndarray) -> np.ndarray:
    """Return the share of a histogram's values between each two edges, its bins taken as evenly filled.

    >>> shares_between({"low": 0.0, "high": 2.0, "counts": [3, 1]}, np.array([0.0, 0.5, 1.0, 3.0]))
    array([0.375, 0.375, 0.25 ])
    """
    return np.diff(np.interp(edges, *_cumulated(histogram), left=0.0, right=1.0))


def percentiles_of(histogram: Record, percentiles: Sequence[float]) -> np.ndarray:
    """Return a histogram's percentiles, its bins taken as evenly filled.

    >>> percentiles_of({"low": 0.0, "high": 2.0, "counts": [3, 1]}, (0, 37.5, 75, 100))
    array([0. , 0.5, 1. , 2. ])
    """
    edges, below = _cumulated(histogram)
    return np.interp(np.asarray(percentiles) / 100, below, edges)


def _curves(
    statistics: Sequence[Record], layers: Mapping[str, str], place: Sequence[str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """One figure of each layer that has it: the steps and the values."""
    found = {}
    for layer, kind in layers.items():
        values = canvas.finite([_at(record.get("layers", {}).get(layer, {}), place) for record in statistics])
        present = ~np.isnan(values)
        if place[-1] == "dead_share":
            rectifies = "relu" in kind.lower() and "leaky" not in kind.lower()
            wanted = kind not in _PASSING_ON and (rectifies or (values[present] > 0).any())
        else:
            wanted = True
        if present.any() and wanted:
            steps = canvas.finite([record.get("step") for record in statistics])
            found[layer] = steps[present], values[present]
    return found


def _at(values: Any, place: Sequence[str]) -> Any:
    for key in place:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _logarithmic_without_zeros(axes: Any, curves: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    """Make the axis logarithmic for what reaches over decades; exact zeros (a frozen layer) do not keep it from that."""
    values = np.concatenate([values for _, values in curves])
    canvas.logarithmic(axes, values[values > 0], decades=1.0)


def _title(layer: str, kind: str) -> str:
    """A layer's name in a legend; a number alone says too little."""
    return f"{layer} ({kind})" if layer.isdigit() and kind else layer
