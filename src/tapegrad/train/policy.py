"""Which states of a training are kept, and when they are written."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileFormatError, StorageError, did_you_mean
from ..formats.atomic import remove_stale
from .checkpoint import previous_path, read_position, state_of, write_state
from .metrics import best_is_smallest, is_better
from .trainer import Callback, Trainer

__all__ = ["Checkpoints"]

_FULL = {getattr(errno, name, None) for name in ("ENOSPC", "EFBIG", "EDQUOT")} - {None}


class Checkpoints(Callback):
    """Keeps states of a training in a folder, and tells where a full disk leaves it.

    ``initial.safetensors`` is the state before the first step. ``last.safetensors`` is written after ``last_every``
    epochs (of those that are reported), and within an epoch after ``last_steps`` updates or ``last_seconds``, on an
    interrupt and at the end; the state before it stays as ``last.previous.safetensors``. ``best.safetensors`` has the best
    value of the metric ``best`` so far, ``mode`` ("min", "max") by its name where it is not given; a state with weights
    that are not finite is never the best. ``epoch-0010.safetensors`` and so on are kept ``every`` so many epochs.

    Of the time at most the share ``overhead`` goes into ``last`` and ``best``: in a training with very short epochs some
    are passed over, and the best is remembered until it is written. None writes them all.

    Raises StorageError when the disk is full: the states that were written stay good.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        every: int | None = None,
        best: str | None = "valid_accuracy",
        mode: str | None = None,
        *,
        last_every: int = 1,
        last_steps: int | None = None,
        last_seconds: float | None = 60.0,
        overhead: float | None = 0.1,
    ):
        self.folder = os.fspath(folder)
        self.every = every
        self.monitor = best
        self.smallest = best is not None and best_is_smallest(best, mode)
        self.last_every = last_every
        self.last_steps = last_steps
        self.last_seconds = math.inf if last_seconds is None else last_seconds
        self.overhead = overhead
        self.best: float | None = None
        self._pending: tuple[dict[str, Any], str] | None = None
        self._epoch_of_last = 0
        self._step_of_last = 0
        self._written_at = 0.0
        self._cost = 0.0
        self._last_is_good = False

    @property
    def last_path(self) -> str:
        """Where the newest state is."""
        return self._path("last")

    @property
    def best_path(self) -> str:
        """Where the best state is."""
        return self._path("best")

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.safetensors")

    # -- when -------------------------------------------------------------------------------------------------------

    def on_fit_begin(self, trainer: Trainer) -> None:
        # What the others note of a batch or an epoch belongs into its state. A new list, as the old one is being gone through.
        trainer.callbacks = [*(c for c in trainer.callbacks if c is not self), self]
        os.makedirs(self.folder, exist_ok=True)
        remove_stale(self.folder)
        self.best = None
        for record in trainer.history:
            if self._is_better(record):
                self.best = record[self.monitor or ""]
        self._epoch_of_last, self._step_of_last = trainer.position.epoch, trainer.position.step
        self._written_at = time.perf_counter()
        if trainer.position.step == 0:
            self._write("initial", trainer)

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        steps = trainer.position.step - self._step_of_last
        # An epoch's end follows at once, with a state of its own; and a training that has all its steps does not come back
        # to make its last report.
        if steps == 0 or trainer.position.batch == trainer.batches or trainer.position.step == trainer.steps:
            return
        if (self.last_steps is not None and steps >= self.last_steps) or self._waited() >= self.last_seconds:
            self._keep_last(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        epoch = trainer.position.epoch
        affordable = self.overhead is None or self._waited() * self.overhead >= self._cost
        if self._is_best(trainer, record):
            self._pending = state_of(trainer)
            if not affordable:  # until it is written, the weights go on changing
                tensors, state = self._pending
                self._pending = {name: tensor.detach().clone() for name, tensor in tensors.items()}, state
        # A resumed training does not come to this epoch again: its own state is written before the last one.
        whole = trainer.position.batch == 0  # the training may have ended within an epoch
        if whole and self.every is not None and epoch % self.every == 0:
            self._write(f"epoch-{epoch:04d}", trainer)
        if affordable:
            self._flush(trainer)
            if epoch - self._epoch_of_last >= self.last_every and _is_finite(trainer.model):
                self._keep_last(trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        self._keep_last(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        self._keep_last(trainer)
        if self.monitor is not None and not os.path.exists(self.best_path):
            self._write("best", trainer)

    def _waited(self) -> float:
        return time.perf_counter() - self._written_at

    # -- the best ---------------------------------------------------------------------------------------------------

    def _is_better(self, record: dict[str, float]) -> bool:
        value = record.get(self.monitor or "")
        return value is not None and is_better(value, self.best, self.smallest)

    def _is_best(self, trainer: Trainer, record: dict[str, float]) -> bool:
        if self.monitor is None:
            return False
        if self.monitor not in record:
            self._check_name(record)
            return False
        better = self._is_better(record) and _is_finite(trainer.model)
        if better:
            self.best = record[self.monitor]
        return better

    def _check_name(self, record: dict[str, float]) -> None:
        """Raise ArgumentError for a metric that no epoch has. Without validation there is no best by validation."""
        validated = any(name.startswith("valid_") for name in record)
        if validated or not str(self.monitor).startswith("valid_"):
            known = [name for name in record if name not in ("epoch", "step", "rate", "seconds")]
            raise ArgumentError(
                "checkpoints.best", f"there is no metric '{self.monitor}'", did_you_mean(str(self.monitor), known)
            )

    def _flush(self, trainer: Trainer) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            started = time.perf_counter()
            self._write("best", trainer, pending)
            self._note_cost(started)

    # -- writing ----------------------------------------------------------------------------------------------------

    def _keep_last(self, trainer: Trainer) -> None:
        # First the best: a resumed training takes the best so far for written.
        self._flush(trainer)
        started = time.perf_counter()
        previous = previous_path(self.last_path) if self._has_good_last() else None
        self._write("last", trainer, previous=previous)
        self._note_cost(started)
        self._last_is_good = True
        self._epoch_of_last, self._step_of_last = trainer.position.epoch, trainer.position.step

    def _has_good_last(self) -> bool:
        """Return whether the last state may take the place of the one before it: a damaged one must not."""
        if not self._last_is_good:
            with contextlib.suppress(FileFormatError, FileNotFoundError):
                read_position(self.last_path)
                self._last_is_good = True
        return self._last_is_good

    def _write(
        self,
        name: str,
        trainer: Trainer,
        state: tuple[dict[str, Any], str] | None = None,
        previous: str | None = None,
    ) -> None:
        try:
            write_state(self._path(name), *(state or state_of(trainer)), previous=previous)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise StorageError(
                "checkpoint", f"{os.strerror(error.errno or 0).lower()} for {self._path(name)}", self._what_is_left()
            ) from None

    def _note_cost(self, started: float) -> None:
        self._written_at = time.perf_counter()
        self._cost = self._written_at - started

    def _what_is_left(self) -> str:
        for path in (self.last_path, previous_path(self.last_path), self._path("initial")):
            with contextlib.suppress(FileFormatError, OSError):
                step = read_position(path).step
                return f"the state of step {step:,} in {path} is still good; free some space and resume"
        return "nothing was stored yet; free some space and train again"


def _is_finite(model: Any) -> bool:
    return all(np.isfinite(parameter.array).all() for parameter in model.parameters())
