"""What a trained network is worth: losses and metrics of every part, confusion matrix, worst mistakes, layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .build import Assembly, loader_of
from .data import Part
from .predict import predict_all

__all__ = ["Predictions", "measure", "predictions"]

_KEPT_MISTAKES = 100


class Predictions:
    """A part's outputs: ``classes`` predicted and how ``confident``, or the ``values`` of a regression."""

    def __init__(self, outputs: np.ndarray, scale: float | None, classification: bool):
        self.values = outputs
        self.classes: np.ndarray | None = None
        self.confident: np.ndarray | None = None
        if classification:
            self.classes = outputs.argmax(axis=1)
            self.confident = outputs.max(axis=1)
        elif scale is not None:
            self.classes = np.rint(outputs[:, 0] * scale).astype(np.int64)
            self.confident = 1 - 2 * np.abs(outputs[:, 0] * scale - self.classes)


def predictions(assembly: Assembly, part: Part) -> Predictions:
    """Return what the network says of a part, class probabilities where the task is to classify."""
    classification = assembly.sets.task == "classification"
    outputs = predict_all(assembly.model, part.inputs, probabilities=classification)
    scale = assembly.config.data.target_scale if assembly.sets.classes is not None else None
    return Predictions(outputs, scale, classification)


def measure(assembly: Assembly) -> dict[str, Any]:
    """Return the run's figures. Every number of a report comes from here, from the events, or from the recipe."""
    sets = assembly.sets
    parts = {name: part for name in ("train", "valid", "test") if (part := getattr(sets, name)) is not None}
    position = assembly.trainer.position
    result: dict[str, Any] = {
        "task": sets.task,
        "samples": {name: len(part.targets) for name, part in parts.items()},
        "parameters": sum(p.numel() for p in assembly.model.parameters()),
        "epochs": position.epoch,
        "steps": position.step,
        "stopped": assembly.trainer.stopped,
    }
    for name, part in parts.items():
        for key, value in assembly.trainer.evaluate(loader_of(part)).items():
            result[f"{name}_{key}"] = value if isinstance(value, (int, float)) else np.asarray(value).tolist()
    result["network"] = layers_of(assembly.model, sets.train.inputs[:1])
    if sets.classes is not None:
        result["classes"] = list(sets.classes)
    measured = sets.test if sets.test is not None else sets.valid
    if measured is not None:
        result |= _judged(assembly, measured)
    return result


def _judged(assembly: Assembly, part: Part) -> dict[str, Any]:
    said = predictions(assembly, part)
    if said.classes is None or said.confident is None:
        error = np.abs(said.values - part.targets).reshape(len(part.targets), -1).mean(axis=1)
        worst = np.argsort(-error, kind="stable")[:_KEPT_MISTAKES]
        return {
            "worst": [
                {
                    "index": int(part.index[i]),
                    "target": part.targets[i].tolist(),
                    "output": said.values[i].tolist(),
                    "error": float(error[i]),
                }
                for i in worst
            ]
        }
    count = len(assembly.sets.classes or ()) or int(part.labels.max()) + 1
    inside = np.clip(said.classes, 0, count - 1)
    matrix = np.bincount(part.labels * count + inside, minlength=count * count).reshape(count, count)
    wrong = np.flatnonzero(said.classes != part.labels)
    worst = wrong[np.argsort(-said.confident[wrong], kind="stable")][:_KEPT_MISTAKES]
    return {
        "confusion": matrix.tolist(),
        "mistakes": [
            {
                "index": int(part.index[i]),
                "label": int(part.labels[i]),
                "predicted": int(said.classes[i]),
                "confidence": float(said.confident[i]),
            }
            for i in worst
        ],
    }


def layers_of(model: Any, sample: np.ndarray) -> list[dict[str, Any]]:
    """Return one row for each layer without children: its path, type, shapes and parameters."""
    from ..core import no_grad, tensor

    rows: list[dict[str, Any]] = []
    handles = []

    def watch(path: str, layer: Any) -> None:
        def note(module: Any, inputs: Any, output: Any) -> None:
            rows.append(
                {
                    "name": path,
                    "type": type(layer).__name__,
                    "description": repr(layer),
                    "input_shape": list(inputs[0].shape[1:]),
                    "output_shape": list(output.shape[1:]),
                    "parameters": sum(p.numel() for p in layer.parameters()),
                }
            )

        handles.append(layer.register_forward_hook(note))

    for path, layer in model.named_modules():
        if not list(layer.children()):
            watch(path, layer)
    training = model.training
    model.eval()
    with no_grad():
        model(tensor(sample))
    model.train(training)
    for handle in handles:
        handle.remove()
    return rows
