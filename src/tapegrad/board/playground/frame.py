"""What the page shows of a playground's network after some updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...lab.build import Assembly, loader_of
from ...train.hashes import hash_model
from ..planes import boundary, grid_of, responses, scaled

__all__ = ["frame_of"]

# Points along a side of the plane; with many units fewer, so that a frame stays below a megabyte.
_SIZES = ((48, 50), (96, 30))
_SMALLEST = 20
# Samples that units answer where the inputs are no plane.
_SAMPLES = 20


def frame_of(assembly: Assembly) -> dict[str, Any]:
    """Return step, losses, accuracies, hash, boundary and units of a network."""
    trainer, sets = assembly.trainer, assembly.sets
    with np.errstate(all="ignore"):
        train = trainer.evaluate(loader_of(sets.train))
        test = {} if sets.test is None else trainer.evaluate(loader_of(sets.test))
        units = _units(assembly)
        plane = boundary(assembly.model, sets, _size(assembly))
    return {
        "step": trainer.position.step,
        "epoch": trainer.position.epoch,
        "loss": train["loss"],
        "test_loss": test.get("loss"),
        "accuracy": train.get("accuracy"),
        "test_accuracy": test.get("accuracy"),
        "hash": hash_model(assembly.model),
        "boundary": plane,
        "units": units,
    }


def _size(assembly: Assembly) -> int:
    widths: Any = assembly.config.model.layers
    hidden = sum(widths[1:-1])
    return next((size for most, size in _SIZES if hidden <= most), _SMALLEST)


def _units(assembly: Assembly) -> list[list[dict[str, Any]]]:
    grid = grid_of(assembly.sets, _size(assembly)) if assembly.sets.task == "classification" else None
    inputs = grid[0] if grid is not None else assembly.sets.train.inputs[:_SAMPLES]
    layers = dict(assembly.model.named_modules())
    found = []
    for path, said in responses(assembly.model, inputs):
        layer: Any = layers[path]
        bias = layer.bias.array if layer.bias is not None else np.zeros(len(layer.weight.array))
        answers = scaled(said.reshape(len(inputs), -1)).T
        found.append(
            [
                {"bias": float(b), "weights": np.round(w.astype(np.float64), 5).tolist(), "response": r.tolist()}
                for b, w, r in zip(bias, layer.weight.array, answers, strict=True)
            ]
        )
    return found
