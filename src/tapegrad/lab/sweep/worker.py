"""What a sweep's worker process does: one trial after another, in their run folders, with the parent told how it goes."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import pathlib
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import DataError, TapegradError
from ...train import Callback, Run
from ...train.process import locked
from .folder import Failure, Sweep, write_failure
from .plan import Trial

__all__ = ["Outcome", "Task", "execute", "start", "work"]

_TELL_EVERY = 0.2

Execute = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Task:
    """A trial to run, in which sweep's folder, and the function that runs it."""

    folder: pathlib.Path
    trial: Trial
    execute: Execute
    pictures: bool = False


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a trial ended: ``finished``, ``failed`` or ``stopped``."""

    status: str
    failure: Failure | None = None


class _Parent:
    """The process that started this one, at the other end of a pipe."""

    def __init__(self, connection: Any):
        self.connection = connection
        self.stop = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Note the wish to stop; end with the parent, so that no orphan writes into a folder that is taken up again."""
        try:
            while self.connection.recv() == "stop":
                self.stop.set()
        except (EOFError, OSError):
            os._exit(1)

    def tell(self, **values: Any) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(values)


_parent: _Parent | None = None


def start(connection: Any) -> None:
    """Prepare this process, which the parent started with Ctrl-C blocked: the parent alone decides when to stop."""
    global _parent
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _parent = _Parent(connection)
    _parent.tell(ready=True)


def work(task: Task) -> Outcome:
    """Run a trial, on from its checkpoint when it has one, and note a failure in its folder."""
    sweep = Sweep(task.folder)
    run = sweep.run(task.trial)
    (run.folder / "failure.json").unlink(missing_ok=True)
    try:
        with locked(sweep.trials, "sweep", shared=True), _quiet():
            task.execute(sweep, task.trial, [_Reporter(_parent)] if _parent else [], task.pictures)
        return Outcome("finished")
    except KeyboardInterrupt:
        return Outcome("stopped")
    except TapegradError as error:
        # A loss that is not finite stays so; a missing file or package may be there next time.
        who = error.path or error.who
        why = _one_line(error.what if who == "train" else f"{who}: {error.what}", sweep)
        failure = Failure(why, _one_line(error.fix, sweep), final=isinstance(error, DataError) and who == "train")
    except (Exception, SystemExit) as error:
        why = _one_line(f"{type(error).__name__}: {error}", sweep)
        failure = Failure(why, traceback=traceback.format_exc())
    write_failure(run, failure)
    return Outcome("failed", failure)


def execute(sweep: Sweep, trial: Trial, callbacks: list[Callback], pictures: bool) -> None:
    """Train a trial of the lab's, from its last checkpoint when that is of the same recipe."""
    from ..config import dump_config, load_config
    from ..experiment import run_experiment

    config = load_config(sweep.recipe_of(trial))
    text = dump_config(config)
    run = sweep.run(trial)
    resume = (run.folder / "recipe.yaml").is_file() and run.recipe == text
    if not resume:
        shutil.rmtree(run.folder, ignore_errors=True)
        run = Run.create(sweep.trials, trial.folder, text, stamp=False)
    run_experiment(config, run, callbacks=callbacks, resume=resume, pictures=pictures)


class _Reporter(Callback):
    """Tells the parent how far the training is, and stops it when the parent says so."""

    def __init__(self, parent: _Parent):
        self.parent = parent
        self.told = 0.0
        self.stopped = False

    def on_fit_begin(self, trainer: Any) -> None:
        self._tell(trainer, {})

    def on_batch_end(self, trainer: Any, batch: dict[str, float]) -> None:
        if time.monotonic() - self.told >= _TELL_EVERY:
            self._tell(trainer, batch)
        if self.parent.stop.is_set() and not self.stopped:
            self.stopped = True
            _interrupt_once()

    def _tell(self, trainer: Any, batch: dict[str, float]) -> None:
        self.told = time.monotonic()
        position = trainer.position
        self.parent.tell(epoch=position.epoch, step=position.step, steps=trainer.total_steps, loss=batch.get("loss"))


def _interrupt_once() -> None:
    """Let the training see a Ctrl-C. One that the terminal sent is pending: the two become one, never two."""
    signal.raise_signal(signal.SIGINT)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the trial prints, its warnings for instance, away from the progress display."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _one_line(text: str, sweep: Sweep) -> str:
    """Return an error's text without the sweep's path, which the tables must not depend on."""
    text = " ".join(text.split())
    for path in (str(sweep.folder.resolve()), str(sweep.folder)):
        text = text.replace(path + os.sep, "") if len(path) > 1 else text
    return text
