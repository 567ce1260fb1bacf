"""What a run's folder is told during a training: the epochs, and a ledger of hashes of the weights."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ..errors import MissingMethodError, StorageError
from .hashes import hash_model
from .lines import append_line, dump, is_after, read_lines, rewrite_lines
from .run import Run
from .trainer import Callback, Trainer

__all__ = ["HashLedger", "Hashing", "Ledger", "read_ledger"]

# In trainings with very short epochs the table, which is written as a whole, waits for this many seconds.
_TABLE_EVERY = 2.0


class Ledger(Callback):
    """Writes a run's course into its folder: that it began, each epoch, that it was interrupted.

    In a resumed training, events after the state that it resumes from are taken back, so that in the end they are those
    of a training that was never stopped.
    """

    def __init__(self, run: Run):
        self.run = run
        self._began = 0.0
        self._tabled = 0.0

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._began = time.perf_counter()
        self.run.begin(trainer.position.step, trainer.position.epoch)
        known = {event.get("epoch") for event in self.run.events("epoch")}
        for record in trainer.history:  # the state may be newer than the events when the machine lost its power
            if record["epoch"] not in known:
                self.run.log("epoch", **record)
        self._write_table(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        self.run.log("epoch", **record)
        if time.perf_counter() - self._tabled > _TABLE_EVERY:
            self._write_table(trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        self.run.log("interrupted", step=trainer.position.step, seconds=self._seconds())
        self._write_table(trainer)

    def on_failure(self, trainer: Trainer, error: BaseException) -> None:
        # A full disk, or a second Ctrl-C, does not keep a run from being resumed; what is wrong with it stays so.
        kind = "interrupted" if isinstance(error, (KeyboardInterrupt, StorageError, OSError)) else "failed"
        with contextlib.suppress(OSError):  # the error that led here is the one to be told
            reason = " ".join(str(error).split()) or type(error).__name__
            self.run.log(kind, step=trainer.position.step, seconds=self._seconds(), reason=reason)
            self._write_table(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        self._write_table(trainer)

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._began, 3)

    def _write_table(self, trainer: Trainer) -> None:
        self.run.write_table(trainer.history)
        self.run.write_compiled(trainer.compiling.report(), trainer.compiling.source)
        self._tabled = time.perf_counter()


class Hashing(Callback):
    """Takes the SHA-256 of all weights and buffers: before the first step, at the end of each epoch (that is reported),
    and after ``every`` updates. Subclasses say in ``note`` what becomes of the line with epoch, step and sum.
    """

    def __init__(self, every: int | None = None):
        self.every = every

    def note(self, trainer: Trainer, line: dict[str, Any]) -> None:
        """Do something with a line."""
        raise MissingMethodError(type(self).__name__, "has no note method", "write it in the class")

    def on_fit_begin(self, trainer: Trainer) -> None:
        if trainer.position.step == 0:
            self._take(trainer)

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        if self.every is not None and trainer.position.step % self.every == 0:
            self._take(trainer)

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        self._take(trainer)

    def _take(self, trainer: Trainer) -> None:
        position = trainer.position
        self.note(trainer, {"epoch": position.epoch, "step": position.step, "sha256": hash_model(trainer.model)})


class HashLedger(Hashing):
    """Appends the SHA-256 of all weights and buffers to a run's ``ledger.jsonl``, ``every`` so many updates and at the end
    of each epoch that is reported. Two trainings with equal ledgers did the same, bit for bit.
    """

    def __init__(self, run: Run, every: int | None = None):
        super().__init__(every)
        self.path = run.folder / "ledger.jsonl"

    def on_fit_begin(self, trainer: Trainer) -> None:
        step, epoch = trainer.position.step, trainer.position.epoch
        if step == 0:
            self.path.unlink(missing_ok=True)
        rewrite_lines(self.path, lambda line: not is_after(line, step, epoch))
        super().on_fit_begin(trainer)

    def note(self, trainer: Trainer, line: dict[str, Any]) -> None:
        append_line(self.path, dump(line))


def read_ledger(run: Run) -> list[dict[str, Any]]:
    """Return the ledger's lines: epoch, step and SHA-256 of each."""
    lines = read_lines(run.folder / "ledger.jsonl")
    return [line for line in lines if isinstance(line.get("sha256"), str) and isinstance(line.get("step"), int)]
