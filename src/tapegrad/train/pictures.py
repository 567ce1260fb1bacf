"""PNG pictures of a run: curves, decision boundary, confusion matrix, most confident mistakes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import no_grad, tensor
from ..errors import MissingExtraError

__all__ = ["confusion_matrix", "draw_boundary", "draw_confusion", "draw_curves", "draw_mistakes", "predict_all"]

_COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("pictures", "matplotlib", "lab") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure: Any, path: str | os.PathLike) -> str:
    figure.savefig(path, dpi=120, bbox_inches="tight")
    _pyplot().close(figure)
    return os.fspath(path)


def draw_curves(records: Sequence[dict[str, float]], path: str | os.PathLike) -> str:
    """Draw loss and accuracy over the epochs, training and validation, and return the path."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    epochs = [r["epoch"] for r in records]
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for key, label, color in ((name, "training", _COLORS[0]), (f"valid_{name}", "validation", _COLORS[1])):
            values = [r.get(key, np.nan) for r in records]
            if np.isfinite(values).any():
                axis.plot(epochs, values, label=label, color=color, marker="o" if len(records) < 20 else None, ms=3)
        axis.set_xlabel("step" if _one_step_an_epoch(records) else "epoch")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        axis.legend()
    if any("penalty" in r for r in records):
        axes[0].plot(epochs, [r.get("penalty", np.nan) for r in records], label="penalty", color=_COLORS[2])
        axes[0].legend()
    return _save(figure, path)


def _one_step_an_epoch(records: Sequence[dict[str, float]]) -> bool:
    return all(r.get("step") == r["epoch"] for r in records)


def draw_boundary(model: Any, inputs: np.ndarray, labels: np.ndarray, path: str | os.PathLike) -> str:
    """Draw which class the model gives each point of the plane, with the training points, and return the path."""
    plt = _pyplot()
    from matplotlib.colors import ListedColormap

    low, high = inputs.min(axis=0) - 0.15, inputs.max(axis=0) + 0.15
    across, up = np.meshgrid(np.linspace(low[0], high[0], 300), np.linspace(low[1], high[1], 300))
    grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(inputs.dtype)
    classes = int(labels.max()) + 1
    colors = ListedColormap([_COLORS[i % len(_COLORS)] for i in range(classes)])
    figure, axis = plt.subplots(figsize=(6, 6))
    axis.contourf(
        across,
        up,
        predict_all(model, grid).argmax(axis=1).reshape(across.shape),
        levels=np.arange(classes + 1) - 0.5,
        cmap=colors,
        alpha=0.35,
    )
    axis.scatter(
        *inputs.T, c=labels, cmap=colors, vmin=-0.5, vmax=classes - 0.5, s=12, edgecolors="white", linewidths=0.4
    )
    axis.set_xlabel("$x_1$")
    axis.set_ylabel("$x_2$")
    axis.set_aspect("equal")
    axis.set_title("decision boundary and training points")
    return _save(figure, path)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each true class (row) was taken for each class (column).

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def draw_confusion(matrix: np.ndarray, names: Sequence[str], path: str | os.PathLike) -> str:
    """Draw a confusion matrix with its counts, coloured by the share of each row, and return the path."""
    plt = _pyplot()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = 1.8 + 0.55 * len(names)
    figure, axis = plt.subplots(figsize=(size + 1, size))
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            axis.text(
                column,
                row,
                count,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share[row, column] > 0.6 else "black",
            )
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(f"accuracy {np.trace(matrix) / max(matrix.sum(), 1):.4f} on {matrix.sum():,} samples")
    figure.colorbar(image, ax=axis, fraction=0.046, label="share of the true class")
    return _save(figure, path)


def draw_mistakes(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str], path: str | os.PathLike
) -> str:
    """Draw the 25 wrong answers that the network was surest of, and return the path."""
    plt = _pyplot()
    predicted = probabilities.argmax(axis=1)
    surety = np.where(predicted != labels, probabilities.max(axis=1), -1)
    worst = [i for i in np.argsort(-surety, kind="stable")[:25] if surety[i] >= 0]
    rows = max(-(-len(worst) // 5), 1)
    figure, axes = plt.subplots(rows, 5, figsize=(9, 2 * rows + 0.8), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, worst, strict=False):
        axis.imshow(images[i], cmap="gray", interpolation="nearest")
        axis.set_title(f"{names[int(predicted[i])]} {surety[i]:.0%}\ntrue: {names[int(labels[i])]}", fontsize=8)
    mistakes = int((surety >= 0).sum())
    title = f"the most confident of {mistakes:,} mistakes (predicted, surety, true class)"
    figure.suptitle(title if mistakes else "no mistakes")
    figure.tight_layout()
    return _save(figure, path)


def predict_all(model: Any, inputs: np.ndarray, batch: int = 1024) -> np.ndarray:
    """Return the class probabilities (samples, classes) of a model's outputs taken as logits, in evaluation mode."""
    was_training = model.training
    model.eval()
    parts = []
    with no_grad():
        for start in range(0, len(inputs), batch):
            parts.append(model(tensor(inputs[start : start + batch])).softmax(dim=1).array)
    model.train(was_training)
    return np.concatenate(parts)
