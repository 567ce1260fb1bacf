"""The training's figures as a file that TensorBoard shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..formats.events import EventWriter, histogram, scalar
from .trainer import Callback, Trainer

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes each report's figures as scalars, training and validation side by side, and, with ``histograms``, the
    distribution of each parameter and its gradient. See it with ``tensorboard --logdir FOLDER``.
    """

    def __init__(self, folder: str | os.PathLike, *, histograms: bool = False):
        self.folder = folder
        self.histograms = histograms
        self.writer: EventWriter | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        step = trainer.position.step
        self.writer = EventWriter(self.folder, purge=step + 1 if step else None)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        values = [scalar(_tag(name), value) for name, value in _numbers(record).items()]
        if self.histograms:
            for name, parameter in trainer.model.named_parameters():
                values.append(histogram(f"weights/{name}", parameter.array))
                if parameter.grad is not None:
                    values.append(histogram(f"gradients/{name}", parameter.grad.array))
        assert self.writer is not None
        self.writer.add(trainer.position.step, *values)


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    kinds = (int, float, np.integer, np.floating)
    return {k: float(v) for k, v in record.items() if isinstance(v, kinds) and k != "step"}


def _tag(name: str) -> str:
    """Return the tag under which TensorBoard groups a metric's values of training and validation.

    >>> _tag("valid_loss"), _tag("loss"), _tag("rate")
    ('loss/valid', 'loss/train', 'rate')
    """
    if name in ("epoch", "rate", "seconds"):
        return name
    return f"{name.removeprefix('valid_')}/{'valid' if name.startswith('valid_') else 'train'}"
