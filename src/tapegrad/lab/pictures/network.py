"""The drawing of a network: circles in columns for dense ones, blocks of their outputs' shapes for the others."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import DataError
from .. import fonts
from . import canvas

__all__ = ["draw_network"]

_FEW = 9  # circles of a column that are all drawn
_A_ROW = 8  # blocks side by side


@dataclasses.dataclass
class Stage:
    """What one block shows: a layer with its output's shape, and the layers behind it that keep the shape."""

    type: str
    shape: tuple[int, ...]
    parameters: int = 0
    extras: list[str] = dataclasses.field(default_factory=list)


@canvas.picture
def draw_network(
    layers: Sequence[int] | Sequence[Mapping[str, Any]], path: str | os.PathLike, *, lang: str = "en"
) -> str:
    """Draw a network and return the path.

    ``layers`` are the sizes of a dense network, ``[784, 256, 10]``, or one mapping for each layer in order with
    ``type``, ``input_shape``, ``output_shape`` (without the batch) and ``parameters``. Networks of dense layers are
    columns of circles (large ones with the middle left out), others are blocks as high as the image and as deep as
    the channels. Activations, normalisations and dropout are named with the layer that they follow.
    Raises DataError without layers.
    """
    say = canvas.speaker(lang)
    stages = stages_of(layers)
    if len(stages) < 2:
        raise DataError("draw_network", "there are no layers", "give at least one, or the sizes of two")
    if all(stage.type in ("input", "Linear") and len(stage.shape) == 1 for stage in stages):
        return _circles(stages, path, say)
    return _blocks(stages, path, say)


def stages_of(layers: Sequence[Any]) -> list[Stage]:
    """Return the input and the layers that change something, each with the names of those that follow it.

    >>> [stage.shape for stage in stages_of([2, 64, 3])]
    [(2,), (64,), (3,)]
    """
    if all(isinstance(size, int) for size in layers):
        sizes = list(layers)
        return [Stage("input", (n,)) for n in sizes[:1]] + [
            Stage("Linear", (b,), (a + 1) * b) for a, b in itertools.pairwise(sizes)
        ]
    stages: list[Stage] = []
    for layer in layers:
        shape = tuple(layer["output_shape"])
        if not stages:
            stages.append(Stage("input", tuple(layer["input_shape"])))
        last = stages[-1]
        if layer["type"] == "Flatten":
            # As a block of its own it would only be the block before it in another form.
            last.extras += [] if last.type == "input" else ["Flatten"]
            last.shape = shape if last.type == "input" else last.shape
        elif shape == last.shape and (not layer.get("parameters") or "Norm" in layer["type"]):
            last.extras.append(layer["type"])
            last.parameters += layer.get("parameters") or 0
        else:
            stages.append(Stage(layer["type"], shape, layer.get("parameters") or 0))
    return stages


def _size(number: int) -> str:
    return f"{number:,}"


# -- circles --------------------------------------------------------------------------------------------------------


def _circles(stages: Sequence[Stage], path: str | os.PathLike, say: Any) -> str:
    from matplotlib.collections import LineCollection

    width = min(canvas.WIDTH, 1.5 * len(stages))
    figure = canvas.figure(width, 3.4)
    axes = _bare(figure)
    places = [_column(stage.shape[0]) for stage in stages]
    step = 9.0 * width / 3.4 / len(stages)
    for i, ((left, _), (right, _)) in enumerate(itertools.pairwise(places)):
        lines = [[(i * step, a), ((i + 1) * step, b)] for a in left for b in right]
        axes.add_collection(LineCollection(lines, colors="0.55", linewidths=0.35, alpha=0.7, zorder=1))
    for i, (stage, (circles, dots)) in enumerate(zip(stages, places, strict=True)):
        kind = 0 if i == 0 else 1 if i == len(stages) - 1 else 4
        style: dict[str, Any] = {"color": canvas.color(kind), "edgecolors": "white", "linewidths": 0.6, "zorder": 2}
        axes.scatter(np.full(len(circles), i * step), circles, s=110, **style)
        axes.scatter(np.full(len(dots), i * step), dots, s=5, color="0.3", zorder=3)
        axes.text(i * step, -5.0, _size(stage.shape[0]), ha="center", va="top", fontsize=9)
        name = say("input") if i == 0 else say("output") if i == len(stages) - 1 else ""
        above = "\n".join([name, *map(fonts.drawable, stage.extras)] if name else map(fonts.drawable, stage.extras))
        axes.text(i * step, 5.0, above, ha="center", va="bottom", fontsize=8, color="0.25")
    lines = max(len(stage.extras) + 1 for stage in stages)
    axes.set(xlim=(-step * 0.5, (len(stages) - 0.5) * step), ylim=(-6.2, 5.2 + 0.75 * lines))
    return canvas.save(figure, path)


def _column(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the heights of a column's circles, and of the dots that stand for those left out."""
    if size <= _FEW:
        return (np.arange(size) - (size - 1) / 2)[::-1] * 1.0, np.array([])
    return np.array([4.0, 3.0, 2.0, 1.0, -1.0, -2.0, -3.0, -4.0]), np.array([0.35, 0.0, -0.35])


# -- blocks ---------------------------------------------------------------------------------------------------------


def _blocks(stages: Sequence[Stage], path: str | os.PathLike, say: Any) -> str:
    columns = -(-len(stages) // -(-len(stages) // _A_ROW))  # so that the last row is about as long as the others
    rows = [stages[i : i + columns] for i in range(0, len(stages), columns)]
    lines = max(3 + len(stage.extras) for stage in stages)
    row_height = 1.35 + 0.16 * lines
    figure = canvas.figure(min(canvas.WIDTH, 0.95 * columns), row_height * len(rows))
    axes = _bare(figure)
    unit = figure.get_figwidth() / columns  # inches a column; the axes are measured in inches
    tallest = max([max(stage.shape[1:]) for stage in stages if len(stage.shape) > 1] + [1])
    longest = max([stage.shape[0] for stage in stages if len(stage.shape) == 1] + [2])
    letters = _letters(stages, unit)
    for number, row in enumerate(rows):
        base = (len(rows) - 1 - number) * row_height + 0.16 * lines + 0.1
        for i, stage in enumerate(row):
            middle = (i + 0.5) * unit
            kind = 0 if not number and not i else 1 if stage is stages[-1] else 4
            if len(stage.shape) > 1:
                _cuboid(axes, middle, base, stage.shape, tallest, unit, canvas.color(kind))
            else:
                _bar(axes, middle, base, stage.shape[0] if stage.shape else 1, longest, canvas.color(kind))
            words = [say("input") if stage.type == "input" else fonts.drawable(stage.type)]
            words += ["+ " + fonts.drawable(extra) for extra in stage.extras]
            words += ["×".join(map(_size, stage.shape))] + (
                [f"({_size(stage.parameters)})"] if stage.parameters else []
            )
            axes.text(middle, base - 0.08, "\n".join(words), ha="center", va="top", fontsize=letters, linespacing=1.25)
            if stage is not stages[-1]:
                tip = {"arrowstyle": "-|>", "color": "0.4", "linewidth": 0.8}
                right = (i + 1) * unit
                axes.annotate("", (right + 0.07, base + 0.5), (right - 0.07, base + 0.5), arrowprops=tip)
    axes.set(xlim=(0, unit * columns), ylim=(0, row_height * len(rows)), aspect="equal")
    return canvas.save(figure, path)


def _letters(stages: Sequence[Stage], unit: float) -> float:
    words = itertools.chain.from_iterable([s.type, *("+ " + e for e in s.extras)] for s in stages)
    return float(np.clip(72 * unit / (0.6 * max(map(len, words))), 4.5, 7.5))


def _cuboid(axes: Any, middle: float, base: float, shape: Sequence[int], tallest: int, unit: float, color: str) -> None:
    """Draw a block: its front is the image, its depth grows with the number of channels."""
    from matplotlib.patches import Polygon

    depth = 0.03 + 0.035 * math.log2(max(shape[0], 1))
    room = min(unit * 0.62, 0.75)
    height = max(room * math.sqrt(shape[1] / tallest), 0.05)
    width = max(room * math.sqrt(shape[2] / tallest), 0.05) if len(shape) > 2 else 0.08
    left, low = middle - (width + depth) / 2, base + 0.5 - (height + depth) / 2
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + (left, low)
    back = corners + depth
    style = {"edgecolor": "white", "linewidth": 0.6}
    axes.add_patch(Polygon(corners, facecolor=color, **style))
    axes.add_patch(Polygon([corners[3], corners[2], back[2], back[3]], facecolor=color, alpha=0.75, **style))
    axes.add_patch(Polygon([corners[1], corners[2], back[2], back[1]], facecolor=color, alpha=0.55, **style))


def _bar(axes: Any, middle: float, base: float, size: int, longest: int, color: str) -> None:
    from matplotlib.patches import Rectangle

    height = 0.15 + 0.85 * math.log2(size + 1) / math.log2(longest + 1)
    corner = (middle - 0.06, base + 0.5 - height / 2)
    axes.add_patch(Rectangle(corner, 0.12, height, facecolor=color, edgecolor="white", linewidth=0.6))


def _bare(figure: Any) -> Any:
    """Axes that fill the figure and show nothing of their own."""
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return axes
