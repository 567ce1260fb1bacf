"""What happens around the loop: the base of callbacks, early stopping, snapshots of the weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, did_you_mean
from ..formats.safetensors import save_file
from .metrics import best_is_smallest, is_better

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Callback", "EarlyStopping", "Snapshots"]


class Callback:
    """What happens around the loop. Subclasses override what they need."""

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first batch."""

    def on_batch_begin(self, trainer: Trainer) -> None:
        """Before each update's batches go through the model."""

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        """After each update; ``batch`` holds its loss, and its penalty where there is one."""

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        """After each epoch that is reported and its validation; ``record`` holds the epoch's means."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """When Ctrl-C stopped the loop between two updates."""

    def on_failure(self, trainer: Trainer, error: BaseException) -> None:
        """When an error, or a second Ctrl-C, ended the loop within an update: the state is not one to save."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs: numbers, texts, lists, dicts and arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` returned."""


class EarlyStopping(Callback):
    """Stops the training when a metric was no better than its best for ``patience`` reports in a row.

    ``mode``: ``"min"`` or ``"max"``, by the metric's name where it is not given. Better means by more than
    ``min_delta``. With ``restore_best`` the model has the best report's weights (averaged ones, where the trainer
    averages) when the training ends. ``best`` and ``best_epoch`` tell which report that was.
    Raises ArgumentError for a name that does not tell the mode, and at the first report that lacks the metric.
    Source: L. Prechelt, "Early Stopping - But When?" (1998)
    """

    def __init__(
        self,
        metric: str = "valid_loss",
        *,
        mode: str | None = None,
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = False,
    ):
        if patience < 1:
            raise ArgumentError("EarlyStopping", f"patience is {patience}", "use at least 1 report")
        self.metric = metric
        self.smallest = best_is_smallest(metric, mode)
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.weights: dict[str, np.ndarray] = {}
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        # The counts follow from the history, so that no order of callbacks can save them half a report behind.
        self._forget()
        for record in trainer.history:
            self._count(record)
        self._judge(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        if self._count(record) and self.restore_best:
            with trainer.averaged_weights():
                self.weights = {name: value.array.copy() for name, value in trainer.model.state_dict().items()}
        self._judge(trainer)

    def _count(self, record: Mapping[str, float]) -> bool:
        """Count a report, and return whether it is the best so far."""
        if self.metric not in record:
            raise ArgumentError(
                "EarlyStopping", f"the reports have no '{self.metric}'", did_you_mean(self.metric, record)
            )
        if is_better(record[self.metric], self.best, self.smallest, self.min_delta):
            self.best, self.best_epoch, self.waited = record[self.metric], int(record["epoch"]), 0
            return True
        self.waited += 1
        return False

    def _judge(self, trainer: Trainer) -> None:
        if self.waited >= self.patience:
            best = "" if self.best is None else f" than {self.best:.6g} at epoch {self.best_epoch}"
            trainer.stop(f"{self.metric} was no better{best} in {self.waited} reports")

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.weights:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.weights = dict(state["weights"])


class Snapshots(Callback):
    """Writes the weights into ``folder`` as ``step-000123.safetensors``: the first ones, then at every ``every``-th report."""

    def __init__(self, folder: str | os.PathLike, *, every: int = 1):
        if every < 1:
            raise ArgumentError("Snapshots", f"every is {every}", "use at least 1 report")
        self.folder = os.fspath(folder)
        self.every = every

    def on_fit_begin(self, trainer: Trainer) -> None:
        if trainer.position.step == 0:
            self._write(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        if len(trainer.history) % self.every == 0:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, f"step-{trainer.position.step:06d}.safetensors")
        save_file(trainer.model.state_dict(), path)
