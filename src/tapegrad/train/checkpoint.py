"""Checkpoints: weights, optimizer state, generator and position in one safetensors file, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import numpy as np

from ..core import Tensor, as_array, tensor
from ..errors import FileFormatError
from ..formats.safetensors import load_file, read_metadata, save_file
from ..ops.random import get_rng_state, set_rng_state
from .trainer import Averages, Callback, Position, Trainer

__all__ = ["Checkpoints", "load_checkpoint", "load_weights", "save_checkpoint"]

_KEY = "tapegrad"


def save_checkpoint(path: str | os.PathLike, trainer: Trainer) -> None:
    """Write all that is needed to go on: a crash or a full disk leaves the file that was there before."""
    tensors = {f"model.{name}": value for name, value in trainer.model.state_dict().items()}
    optimizer = trainer.optimizer.state_dict()
    rest: dict[str, Any] = {"groups": optimizer["param_groups"], "state": {}}
    for index, values in optimizer["state"].items():
        for name, value in values.items():
            if isinstance(value, (Tensor, np.ndarray)):
                tensors[f"optimizer.{index}.{name}"] = tensor(as_array(value))
            else:
                rest["state"].setdefault(str(index), {})[name] = value
    tensors["generator"] = get_rng_state()
    details = {
        "optimizer": rest,
        "scheduler": trainer.scheduler.state_dict() if trainer.scheduler is not None else None,
        "position": dataclasses.asdict(trainer.position),
        "averages": {"sums": trainer.averages.sums, "count": trainer.averages.count},
        "history": trainer.history,
    }
    save_file(tensors, path, metadata={_KEY: json.dumps(details, default=_plain)})


def _plain(value: Any) -> Any:
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return as_array(value).tolist()
    raise TypeError(f"cannot write a {type(value).__name__} into a checkpoint")


def load_weights(path: str | os.PathLike, model: Any) -> None:
    """Load a checkpoint's weights into a model.

    Raises FileFormatError for a damaged file and when the file holds the weights of another network.
    """
    state = {name.removeprefix("model."): t for name, t in load_file(path).items() if name.startswith("model.")}
    if not state:
        raise FileFormatError(str(path), "holds no model weights", "give a checkpoint that tapegrad wrote")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        what = getattr(error, "what", str(error))
        raise FileFormatError(
            str(path), f"is a checkpoint of another network: {what}", "use the run's own checkpoint"
        ) from None


def load_checkpoint(path: str | os.PathLike, trainer: Trainer) -> None:
    """Put a trainer where it was when the checkpoint was written: weights, optimizer, schedule, generator, position.

    Raises FileFormatError for a damaged file, another network's, and one whose training state does not fit.
    """
    load_weights(path, trainer.model)
    try:
        _load_state(trainer, load_file(path), _details(path))
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
        what = " ".join(str(error).split())
        raise FileFormatError(
            str(path), f"has a damaged training state ({what})", "resume from a checkpoint that tapegrad wrote"
        ) from None


def _load_state(trainer: Trainer, tensors: dict[str, Tensor], details: dict[str, Any]) -> None:
    rest = details["optimizer"]
    state: dict[int, dict[str, Any]] = {int(i): dict(values) for i, values in rest["state"].items()}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    trainer.optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    if trainer.scheduler is not None:
        trainer.scheduler.load_state_dict(details["scheduler"])
    trainer.position = _position(details["position"])
    trainer.averages = Averages(**details["averages"])
    trainer.history = [dict(record) for record in details["history"]]
    set_rng_state(tensors["generator"])


def _position(stored: dict[str, Any]) -> Position:
    position = Position(**stored)
    if not all(type(count) is int and count >= 0 for count in dataclasses.astuple(position)):
        raise ValueError(f"the position is {stored}")
    return position


def _details(path: str | os.PathLike) -> dict[str, Any]:
    text = read_metadata(path).get(_KEY)
    try:
        return json.loads(text or "")
    except ValueError:
        raise FileFormatError(
            str(path), "has no training state", "resume from a checkpoint that tapegrad wrote"
        ) from None


class Checkpoints(Callback):
    """Keeps ``last.safetensors`` after each epoch and on an interrupt, and ``best.safetensors`` by a metric.

    ``every`` epochs the last one is written; the best is the one with the largest value of ``monitor``.
    """

    def __init__(self, folder: str | os.PathLike, monitor: str = "valid_accuracy", every: int = 1):
        self.folder = os.fspath(folder)
        self.monitor = monitor
        self.every = every
        self.best: float | None = None

    @property
    def last_path(self) -> str:
        """Where the newest state is."""
        return os.path.join(self.folder, "last.safetensors")

    @property
    def best_path(self) -> str:
        """Where the best state is."""
        return os.path.join(self.folder, "best.safetensors")

    def on_fit_begin(self, trainer: Trainer) -> None:
        values = [r[self.monitor] for r in trainer.history if self.monitor in r]
        self.best = max(values, default=None)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        value = record.get(self.monitor)
        if trainer.position.epoch % self.every == 0:
            save_checkpoint(self.last_path, trainer)
            if value is not None and (self.best is None or value > self.best):
                self.best = value
                save_checkpoint(self.best_path, trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        save_checkpoint(self.last_path, trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        save_checkpoint(self.last_path, trainer)
        if not os.path.exists(self.best_path):
            save_checkpoint(self.best_path, trainer)
