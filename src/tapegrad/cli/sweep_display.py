"""What a person sees during a sweep: a bar over all trials and a line for each that runs; plain lines when piped."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..lab.sweep import Display, Outcome, Trial

__all__ = ["SweepDisplay"]


class SweepDisplay(Display):
    """Draws bars on a terminal; elsewhere only a line for each trial that ends is printed."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.bars: Progress | None = None
        self.all: TaskID
        self.tasks: dict[int, TaskID] = {}
        self.total = 0
        self.count = self.before = 0
        self.began = time.monotonic()

    def begin(self, total: int, done: int) -> None:
        self.total, self.count, self.before = total, done, done
        self.began = time.monotonic()
        if done:
            self.console.print(f"{done} of {total} trials are done already")
        if sys.stdout.isatty():
            self.bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[measured]}"),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self.bars.start()
            self.all = self.bars.add_task("trials", total=total, completed=done, measured="")

    def started(self, trial: Trial) -> None:
        if self.bars is not None:
            self.tasks[trial.number] = self.bars.add_task(escape(_name(trial)), total=None, measured="")

    def progress(self, trial: Trial, values: dict[str, Any]) -> None:
        if self.bars is None or trial.number not in self.tasks:
            return
        loss = values.get("loss")
        measured = f"epoch {values['epoch'] + 1}" + (f"  loss {loss:.4f}" if loss is not None else "")
        task = self.tasks[trial.number]
        self.bars.update(task, completed=values["step"], total=values.get("steps"), measured=measured)

    def ended(self, trial: Trial, outcome: Outcome, seconds: float) -> None:
        if self.bars is not None and trial.number in self.tasks:
            self.bars.remove_task(self.tasks.pop(trial.number))
        if outcome.status == "stopped":
            return
        self.count += 1
        if self.bars is not None:
            self.bars.update(self.all, completed=self.count, measured=self._left())
        line = f"{self.count:>{len(str(self.total))}}/{self.total}  {_name(trial)}  "
        if outcome.failure is None:
            line += f"{seconds:.1f} s"
        else:
            line += f"failed: {outcome.failure.why}" + (f"; {outcome.failure.advice}" if outcome.failure.advice else "")
        self.console.print(escape(line))

    def stopping(self) -> None:
        self.console.print("stopping: the running trials save their state (Ctrl-C again does not wait for that)")

    def end(self) -> None:
        if self.bars is not None:
            self.bars.stop()

    def _left(self) -> str:
        """Return about how long the rest will take, by the trials that ended so far."""
        each = (time.monotonic() - self.began) / max(self.count - self.before, 1)
        seconds = each * (self.total - self.count)
        return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"


def _name(trial: Trial) -> str:
    return "  ".join([*(f"{name} {label}" for name, label in trial.levels.items()), f"seed {trial.seed}"])
