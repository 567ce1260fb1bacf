"""What a person sees during a training: a bar with loss, accuracy and time left, and a line per epoch."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..train import Callback, Run, Trainer

__all__ = ["Ledger", "ProgressBar"]

_REFRESH_EVERY = 0.1


class Ledger(Callback):
    """Writes each epoch into the run's folder."""

    def __init__(self, run: Run):
        self.run = run

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        self.run.log("epoch", **record)

    def on_interrupt(self, trainer: Trainer) -> None:
        self.run.log("interrupted", step=trainer.position.step)
        self.run.write_table(trainer.history)

    def on_fit_end(self, trainer: Trainer) -> None:
        self.run.write_table(trainer.history)


class ProgressBar(Callback):
    """Draws the bar on a terminal; elsewhere only the epochs' lines are printed."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.bar: Progress | None = None
        self.task: Any = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        total = trainer.epochs * trainer.batches
        if sys.stdout.isatty():
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[measured]}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
                refresh_per_second=1 / _REFRESH_EVERY,
            )
            self.bar.start()
            self.task = self.bar.add_task("training", total=total, completed=trainer.position.step, measured="")

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        if self.bar is not None:
            means = trainer.averages.result()
            unit = "step" if trainer.batches == 1 else "epoch"
            measured = "  ".join(f"{name} {means[name]:.4f}" for name in ("loss", "accuracy") if name in means)
            self.bar.update(
                self.task,
                completed=trainer.position.step,
                description=f"{unit} {min(trainer.position.epoch + 1, trainer.epochs)}/{trainer.epochs}",
                measured=measured,
            )

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        self.console.print(_line(record, trainer.epochs, "step" if trainer.batches == 1 else "epoch"))

    def on_interrupt(self, trainer: Trainer) -> None:
        self._stop()

    def on_fit_end(self, trainer: Trainer) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()


def _line(record: dict[str, float], epochs: int, unit: str) -> str:
    parts = [f"{unit} {record['epoch']:>{len(str(epochs))}.0f}/{epochs}"]
    if "penalty" in record:
        parts.append(
            f"loss {record['loss'] + record['penalty']:.4f} (data {record['loss']:.4f}, penalty {record['penalty']:.4f})"
        )
    else:
        parts.append(f"loss {record['loss']:.4f}")
    parts.append(f"accuracy {record['accuracy']:.4f}")
    if "valid_loss" in record:
        parts.append(f"validation loss {record['valid_loss']:.4f} accuracy {record['valid_accuracy']:.4f}")
    parts.append(f"rate {record['rate']:.3g}")
    parts.append(f"{record['seconds']:.1f} s" if record["seconds"] >= 0.1 else f"{record['seconds'] * 1e3:.1f} ms")
    return "  ".join(parts)
