"""The plane as a classifier sees it: regions shaded by confidence, boundaries, points; also as an animation."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...nn import Module
from .. import fonts
from ..predict import predict_all, to_probabilities
from . import canvas

__all__ = ["animate_boundary", "draw_boundary"]

Classifier = Module | Callable[[np.ndarray], np.ndarray]
Points = tuple[np.ndarray, np.ndarray]


@canvas.picture
def draw_boundary(
    model: Classifier,
    inputs: np.ndarray,
    labels: np.ndarray,
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    test: Points | None = None,
    resolution: int = 300,
    lang: str = "en",
) -> str:
    """Draw which class a classifier gives each point of the plane, with the training points, and return the path.

    ``model`` is a network, or a function from points (n, 2) to logits or probabilities (n, classes). The stronger a
    colour, the surer the classifier: white is a tie. ``test = (inputs, labels)`` adds points as hollow markers.
    Raises ShapeError for inputs that are not points of the plane.
    """
    say = canvas.speaker(lang)
    scene = _Scene(inputs, labels, classes, test, resolution)
    figure = canvas.figure(4.6, 4.0)
    axes = figure.add_subplot()
    scene.regions(axes, model)
    scene.points(axes, say)
    return canvas.save(figure, path)


@canvas.picture
def animate_boundary(
    frames: Iterable[tuple[int, Classifier]],
    inputs: np.ndarray,
    labels: np.ndarray,
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    test: Points | None = None,
    seconds_a_frame: float = 0.15,
    resolution: int = 160,
    lang: str = "en",
) -> str:
    """Write a GIF of the decision boundary during a training and return the path.

    ``frames`` gives (step, classifier) one after the other, so that each can be loaded when its turn comes; one
    network whose weights change from frame to frame will do. The last frame stays for two seconds.
    Raises ArgumentError without frames, and what :func:`draw_boundary` raises.
    """
    from matplotlib.animation import PillowWriter

    say = canvas.speaker(lang)
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise ArgumentError("animate_boundary", "there are no frames", "give at least one (step, classifier)")
    scene = _Scene(inputs, labels, classes, test, resolution)
    figure = canvas.figure(4.6, 4.2)
    axes = figure.add_subplot()
    scene.points(axes, say)
    writer = PillowWriter(fps=round(1 / seconds_a_frame), metadata={})
    drawn: list[Any] = []
    with writer.saving(figure, os.fspath(path), dpi=100):
        for step, model in itertools.chain([first], rest):
            for artist in drawn:
                artist.remove()
            drawn = scene.regions(axes, model)
            axes.set_title(f"{say('step')} {step:,}")
            if figure.get_layout_engine() is not None:
                # Laid out once: else the axes would move with the width of the numbers.
                figure.draw_without_rendering()
                figure.set_layout_engine("none")
            writer.grab_frame()
        for _ in range(round(2 / seconds_a_frame)):
            writer.grab_frame()
    return os.fspath(path)


class _Scene:
    """The points, the names of their classes, and the grid of the plane around them."""

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        classes: Sequence[str] | None,
        test: Points | None,
        resolution: int,
    ):
        if inputs.ndim != 2 or inputs.shape[1] != 2:
            raise ShapeError("boundary", f"inputs have shape {inputs.shape}", "give points of the plane: (n, 2)")
        self.inputs, self.labels, self.test = inputs, np.asarray(labels), test
        parts = [self.labels] if test is None else [self.labels, np.asarray(test[1])]
        self.count = max([int(part.max()) + 1 for part in parts if part.size] + [len(classes or ())])
        self.names = fonts.drawable_names(classes or range(self.count))
        self.x, self.y = self._sides(np.concatenate([inputs] if test is None else [inputs, test[0]]), resolution)

    @staticmethod
    def _sides(points: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """The grid's coordinates: a square around the points with a margin, so that no direction is stretched."""
        points = points[np.isfinite(points).all(axis=1)]
        low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.zeros(2))
        middle, reach = (low + high) / 2, float((high - low).max()) * 0.54 or 1.0
        x, y = (np.linspace(m - reach, m + reach, resolution) for m in middle)
        return x, y

    def regions(self, axes: Any, model: Classifier) -> list[Any]:
        """Draw the shaded regions and the lines between them, and return what was drawn."""
        shares = self._shares(model)
        image = axes.imshow(
            _shading(shares),
            extent=(self.x[0], self.x[-1], self.y[0], self.y[-1]),
            origin="lower",
            interpolation="bilinear",
        )
        axes.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        return [image, *self._lines(axes, shares)]

    def _shares(self, model: Classifier) -> np.ndarray:
        across, up = np.meshgrid(self.x, self.y)
        grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(self.inputs.dtype)
        outputs = predict_all(model, grid) if isinstance(model, Module) else np.asarray(model(grid))
        shares = np.nan_to_num(to_probabilities(outputs), nan=0.0)
        return shares.reshape(*across.shape, -1)

    def _lines(self, axes: Any, shares: np.ndarray) -> list[Any]:
        lines = []
        for k in range(shares.shape[2] if shares.shape[2] > 1 else 0):
            lead = shares[:, :, k] - np.delete(shares, k, axis=2).max(axis=2)
            if lead.min() < 0 < lead.max():
                lines.append(axes.contour(self.x, self.y, lead, levels=[0], colors="0.25", linewidths=0.7))
        return lines

    def points(self, axes: Any, say: Callable[[str], str]) -> None:
        """Draw the points: a color and a marker for each class, hollow those of the test set."""
        for k in range(self.count):
            chosen = self.inputs[self.labels == k]
            style: dict[str, Any] = {"marker": canvas.MARKERS[k % len(canvas.MARKERS)], "zorder": 3}
            axes.scatter(
                *chosen.T, s=14, color=canvas.color(k), edgecolors="white", linewidths=0.4, label=self.names[k], **style
            )
            if self.test is not None:
                hollow = self.test[0][np.asarray(self.test[1]) == k]
                label = f"{self.names[k]} ({say('test')})"
                axes.scatter(
                    *hollow.T, s=12, facecolors="none", edgecolors=canvas.color(k), linewidths=0.8, label=label, **style
                )
        axes.set(xlabel="x₁", ylabel="x₂", aspect="equal", xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
        axes.grid(visible=False)


def _shading(shares: np.ndarray) -> np.ndarray:
    """Return an image: each point in its class's color, mixed with white the less the class leads the next one."""
    from matplotlib.colors import to_rgb

    colors = np.array([to_rgb(canvas.color(k)) for k in range(shares.shape[2])])
    ranked = np.sort(shares, axis=2)
    lead = ranked[:, :, -1] - (ranked[:, :, -2] if shares.shape[2] > 1 else 0)
    strength = (0.55 * np.clip(lead, 0, 1))[:, :, None]
    return np.clip(colors[shares.argmax(axis=2)] * strength + (1 - strength), 0, 1)
