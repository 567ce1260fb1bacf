"""Which pictures a finished run gets: what fits its data, its task and its network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..train import Run, load_weights
from . import pictures
from .build import Assembly, build_model
from .predict import predict_all
from .result import predictions

__all__ = ["draw_run"]


def draw_run(assembly: Assembly, run: Run, result: dict[str, Any], lang: str = "en") -> list[str]:
    """Draw a finished run's pictures into its folder and return their paths."""
    folder = run.pictures
    drawn = [pictures.draw_curves(assembly.trainer.history, folder / "curves.png", lang=lang)]
    drawn += _of_points(assembly, run, lang)
    drawn += _of_classes(assembly, folder, result, lang)
    drawn += _of_weights(assembly, folder, lang)
    statistics = run.events("statistics")
    if len(statistics) > 1:
        for kind in ("activation", "gradient"):
            path = folder / f"{kind}s.png"
            drawn.append(pictures.draw_distributions(statistics, path, kind=kind, lang=lang))
        drawn.append(pictures.draw_statistics(statistics, folder / "statistics.png", lang=lang))
    return [os.fspath(path) for path in drawn]


def _of_points(assembly: Assembly, run: Run, lang: str) -> list[str]:
    """Draw a decision boundary for points of the plane, a fitted function for points of a line."""
    sets, folder = assembly.sets, run.pictures
    features = sets.train.inputs.shape[1:]
    if features == (2,) and sets.task == "classification":
        points = {"inputs": sets.train.inputs, "labels": sets.train.labels, "classes": sets.classes, "lang": lang}
        if sets.test is not None:
            points["test"] = (sets.test.inputs, sets.test.labels)
        drawn = [pictures.draw_boundary(_classifier(assembly.model), path=folder / "boundary.png", **points)]
        frames = list(_frames(assembly, run))
        if len(frames) > 1:
            drawn.append(pictures.animate_boundary(frames, path=folder / "boundary.gif", **points))
        return drawn
    if features == (1,) and sets.train.targets.ndim == 2 and sets.train.targets.shape[1] == 1:
        part = sets.test or sets.train
        order = np.argsort(part.inputs[:, 0], kind="stable")
        said = predict_all(assembly.model, part.inputs[order])
        x, y = part.inputs[order, 0], part.targets[order, 0]
        return [pictures.draw_function(x, y, said[:, 0], folder / "function.png", lang=lang)]
    return []


def _classifier(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda inputs: predict_all(model, inputs, probabilities=True)


def _frames(assembly: Assembly, run: Run) -> Iterator[tuple[int, Callable]]:
    """Give each snapshot's step and network, in order."""
    for path in sorted((run.folder / "snapshots").glob("step-*.safetensors")):
        model = build_model(assembly.config, assembly.sets.train.inputs.shape[1:])
        load_weights(path, model)
        yield int(path.stem.removeprefix("step-")), _classifier(model)


def _of_classes(assembly: Assembly, folder: Any, result: dict[str, Any], lang: str) -> list[str]:
    """Draw the confusion matrix and, for images, a sheet of samples and the most confident mistakes."""
    sets, drawn = assembly.sets, []
    classes = sets.classes
    part = sets.test if sets.test is not None else sets.valid
    if classes is None or part is None:
        return []
    if "confusion" in result:
        drawn.append(
            pictures.draw_confusion(np.asarray(result["confusion"]), classes, folder / "confusion.png", lang=lang)
        )
    if part.images is None:
        return drawn
    chosen = np.random.default_rng(0).permutation(len(part.labels))[:25]
    drawn.append(
        pictures.draw_samples(part.images[chosen], part.labels[chosen], classes, folder / "samples.png", lang=lang)
    )
    if sets.task == "classification":
        said = predictions(assembly, part)
        drawn.append(
            pictures.draw_mistakes(part.images, part.labels, said.values, classes, folder / "mistakes.png", lang=lang)
        )
    return drawn


def _of_weights(assembly: Assembly, folder: Any, lang: str) -> list[str]:
    """Draw the first layer's weights where they have the shape of images."""
    shape = assembly.sets.train.inputs.shape[1:]
    first = next((p for name, p in assembly.model.named_parameters() if name.endswith("weight")), None)
    if len(shape) != 3 or first is None:
        return []
    weights = np.asarray(first.detach())
    dense = weights.ndim == 2 and weights.shape[1] == np.prod(shape) and shape[0] == 1
    if not dense and weights.ndim != 4:
        return []
    path = folder / "weights.png"
    return [pictures.draw_first_layer(weights, path, shape=shape[1:] if dense else None, lang=lang)]
