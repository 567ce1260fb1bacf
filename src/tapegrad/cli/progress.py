"""What a person sees during a training: a bar with loss, accuracy and time left, and a line per epoch."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..explain.doctor.doctor import Doctor
from ..train import Callback, Trainer
from .doctor import tell
from .figures import figure

__all__ = ["ProgressBar"]

_REFRESH_EVERY = 0.1


class ProgressBar(Callback):
    """Draws the bar on a terminal; elsewhere only the epochs' lines are printed, and what the doctor finds."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.bar: Progress | None = None
        self.task: Any = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        total = trainer.total_steps
        for callback in trainer.callbacks:
            if isinstance(callback, Doctor) and callback.tell is None:
                callback.tell = lambda finding: self.console.print(tell(finding), style="yellow", markup=False)
        if self.console.is_terminal:
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
            unit = "step" if trainer.batches == 1 else "epoch"
            measured = f"loss {trainer.averages.result().get('loss', float('nan')):.4f}"
            self.bar.update(
                self.task,
                completed=trainer.position.step,
                description=f"{unit} {min(trainer.position.epoch + 1, trainer.epochs)}/{trainer.epochs}",
                measured=measured,
            )

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        if trainer.batches == 1:
            total, unit = trainer.steps or trainer.epochs, "step"
        else:
            total, unit = trainer.epochs, "epoch"
        self.console.print(_line(record, total, unit, list(trainer.metrics)))

    def on_interrupt(self, trainer: Trainer) -> None:
        self._stop()

    def on_failure(self, trainer: Trainer, error: BaseException) -> None:
        self._stop()

    def on_fit_end(self, trainer: Trainer) -> None:
        self._stop()
        if trainer.stopped is not None:
            self.console.print(f"stopped: {trainer.stopped}")

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _line(record: dict[str, float], total: int, unit: str, metrics: list[str]) -> str:
    parts = [f"{unit} {record['epoch']:>{len(str(total))}.0f}/{total}"]
    if "penalty" in record:
        whole = record["loss"] + record["penalty"]
        parts.append(f"loss {figure(whole)} (data {figure(record['loss'])}, penalty {figure(record['penalty'])})")
    else:
        parts.append(f"loss {figure(record['loss'])}")
    parts += [f"{name.replace('_', ' ')} {figure(record[name])}" for name in metrics if name in record]
    if "valid_loss" in record:
        names = [name for name in ("loss", *metrics) if f"valid_{name}" in record]
        parts.append("validation " + " ".join(f"{n.replace('_', ' ')} {figure(record[f'valid_{n}'])}" for n in names))
    parts.append(f"rate {record['rate']:.3g}")
    parts.append(f"{record['seconds']:.1f} s" if record["seconds"] >= 0.1 else f"{record['seconds'] * 1e3:.1f} ms")
    return "  ".join(parts)
