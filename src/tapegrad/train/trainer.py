"""The training loop: batches, gradients, updates, validation; everything else is a callback."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..core import Tensor, no_grad
from ..errors import DataError

__all__ = ["Averages", "Callback", "Position", "Trainer"]


@dataclasses.dataclass
class Position:
    """How far a training is: ``batch`` batches into ``epoch``, ``step`` updates in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


class Averages:
    """Running means over samples: ``add`` a batch's mean with its size, read the mean so far from ``result``."""

    def __init__(self, sums: dict[str, float] | None = None, count: int = 0):
        self.sums = dict(sums or {})
        self.count = count

    def add(self, size: int, **means: float) -> None:
        """Count one batch."""
        self.count += size
        for name, value in means.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * size

    def result(self) -> dict[str, float]:
        """Return the means over all samples counted."""
        return {name: total / max(self.count, 1) for name, total in self.sums.items()}


class Callback:
    """What happens around the loop. Subclasses override what they need."""

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first batch."""

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        """After each update; ``batch`` holds this batch's loss and metrics."""

    def on_epoch_end(self, trainer: Trainer, record: dict[str, float]) -> None:
        """After each epoch and its validation; ``record`` holds the epoch's means."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """When Ctrl-C stopped the loop between two batches."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch."""


def accuracy(output: Tensor, target: Tensor) -> float:
    """Return the share of rows whose largest output is at the target index."""
    return float((output.array.argmax(axis=1) == target.array).mean())


class Trainer:
    """Trains a model on batches, and remembers where it is.

    ``loss(output, target)`` gives the data loss of a batch; ``penalty()``, when there is one, what is added to it and
    reported apart. ``metrics`` maps names to functions of (output, target). The scheduler is stepped after every
    update when ``schedule_every`` is ``"step"``, else after every epoch. Validation, record and ``on_epoch_end`` come
    every ``report_every`` epochs and at the last one.

    >>> import tapegrad as tg
    >>> from tapegrad.utils.data import DataLoader, TensorDataset
    >>> x = tg.linspace(-1, 1, 32).reshape(32, 1)
    >>> model = tg.nn.Linear(1, 1)
    >>> trainer = Trainer(model, tg.nn.MSELoss(), tg.optim.SGD(model.parameters(), lr=0.5), metrics={})
    >>> history = trainer.fit(DataLoader(TensorDataset(x, 3 * x), batch_size=8), epochs=20)
    >>> round(model.weight.item(), 2)
    3.0
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Tensor, Tensor], Tensor],
        optimizer: Any,
        *,
        scheduler: Any = None,
        schedule_every: str = "epoch",
        penalty: Callable[[], Tensor] | None = None,
        metrics: dict[str, Callable[[Tensor, Tensor], float]] | None = None,
        callbacks: Sequence[Callback] = (),
        report_every: int = 1,
    ):
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.schedule_every = schedule_every
        self.penalty = penalty
        self.metrics = {"accuracy": accuracy} if metrics is None else metrics
        self.callbacks = list(callbacks)
        self.position = Position()
        self.averages = Averages()
        self.history: list[dict[str, float]] = []
        self.report_every = report_every
        self.batches = 0
        self.epochs = 0
        self.stopping = False

    @property
    def rate(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def fit(self, train: Any, valid: Iterable | None = None, *, epochs: int = 1) -> list[dict[str, float]]:
        """Train until ``epochs`` epochs are done, from wherever :attr:`position` is; return one record per epoch.

        Raises DataError when a loss is not finite or there is no data; KeyboardInterrupt after the callbacks have
        saved what there is.
        """
        self.batches = len(train)
        self.epochs = epochs
        self._tell("on_fit_begin")
        with _stop_between_batches(self):
            try:
                while self.position.epoch < epochs:
                    self._epoch(train, valid)
            except KeyboardInterrupt:
                self._tell("on_interrupt")
                raise
        self._tell("on_fit_end")
        return self.history

    def _epoch(self, train: Any, valid: Iterable | None) -> None:
        started = time.perf_counter()
        self.model.train()
        for inputs, target in _from_position(train, self.position):
            batch = self._step(inputs, target)
            self.position.batch += 1
            self.averages.add(len(target), **batch)
            self._tell("on_batch_end", batch)
            if self.stopping:
                raise KeyboardInterrupt
        if self.averages.count == 0:
            raise DataError("train", "the loader gave no batch", "give it data, or set drop_last=False")
        reporting = (self.position.epoch + 1) % self.report_every == 0 or self.position.epoch + 1 == self.epochs
        record: dict[str, float] = {"epoch": self.position.epoch + 1, "step": self.position.step, "rate": self.rate}
        record.update(self.averages.result())
        if reporting and valid is not None:
            record.update({f"valid_{name}": value for name, value in self.evaluate(valid).items()})
        record["seconds"] = time.perf_counter() - started
        if self.scheduler is not None and self.schedule_every == "epoch":
            self.scheduler.step()
        self.position = Position(self.position.epoch + 1, 0, self.position.step)
        self.averages = Averages()
        if reporting:
            self.history.append(record)
            self._tell("on_epoch_end", record)

    def _step(self, inputs: Tensor, target: Tensor) -> dict[str, float]:
        output = self.model(inputs)
        loss = self.loss(output, target)
        measured = {"loss": loss.item()}
        if self.penalty is not None:
            penalty = self.penalty()
            measured["penalty"] = penalty.item()
            loss = loss + penalty
        if not math.isfinite(sum(measured.values())):
            raise DataError(
                "train",
                f"the loss is {measured['loss']} at step {self.position.step} (rate {self.rate:g})",
                "lower the learning rate, clip the gradients, or look for values that are not finite in the data",
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.scheduler is not None and self.schedule_every == "step":
            self.scheduler.step()
        self.position.step += 1
        measured.update({name: metric(output, target) for name, metric in self.metrics.items()})
        return measured

    def evaluate(self, loader: Iterable) -> dict[str, float]:
        """Return the mean loss and metrics over the loader's data, in evaluation mode."""
        averages = Averages()
        was_training = self.model.training
        self.model.eval()
        with no_grad():
            for inputs, target in loader:
                output = self.model(inputs)
                measured = {name: metric(output, target) for name, metric in self.metrics.items()}
                averages.add(len(target), loss=self.loss(output, target).item(), **measured)
        self.model.train(was_training)
        return averages.result()

    def _tell(self, event: str, *details: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self, *details)


def _from_position(loader: Any, position: Position) -> Iterable:
    """Give the epoch's batches from the position on: a resumed epoch skips what it has seen."""
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(position.epoch)
    return itertools.islice(iter(loader), position.batch, None)


@contextlib.contextmanager
def _stop_between_batches(trainer: Trainer) -> Iterator[None]:
    """Make the first Ctrl-C wait for the end of the batch, so that no update is left half done; a second one does not."""

    def ask(signum: int, frame: Any) -> None:
        if trainer.stopping:
            raise KeyboardInterrupt
        trainer.stopping = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        trainer.stopping = False
