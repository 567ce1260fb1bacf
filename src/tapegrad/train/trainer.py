"""The training loop: batches, gradients, updates, validation; everything else is a callback."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..core import Tensor, no_grad
from ..errors import ArgumentError, DataError, NotFiniteError
from ..optim.lr_scheduler import ReduceLROnPlateau
from . import checks
from .batches import from_position, groups
from .callbacks import Callback
from .compiling import Compiling
from .ema import WeightAverage
from .history import History
from .inside import Inside
from .interrupt import stop_between_batches
from .metrics import Accuracy, Metric, metrics_of
from .position import Averages, Position
from .state import load_state, state_of

__all__ = ["Averages", "Callback", "Position", "Trainer"]

_EVENTS = [name for name in vars(Callback) if name.startswith("on_")]


class Trainer:
    """Trains a model on batches (inputs, target), and remembers where it is.

    ``loss(output, target)`` gives the data loss of a batch; ``penalty()``, when there is one, what is added to it and
    reported apart. An update takes the mean gradient over ``accumulate`` batches, then ``clip_norm`` bounds its norm
    and ``clip_value`` each of its values. ``ema`` keeps averaged weights (:class:`WeightAverage`), and evaluates those.
    ``metrics``: names, or a mapping to metrics or functions of (output, target); by default accuracy where targets are
    integers. The scheduler is stepped after every update when ``schedule_every`` is ``"step"``, else after every epoch.
    Validation, record and ``on_epoch_end`` come every ``report_every`` epochs and at the end; a ReduceLROnPlateau is
    stepped with them, by the validation's loss (its first metric with ``mode="max"``), the training's where there is none.
    Updates run as compiled programs (``tapegrad.compile``) where they can, which ``compiling.report()`` tells; where they
    cannot, or with ``compile=False``, as they are written. A loss that is not finite raises after the update it spoiled.

    >>> import tapegrad as tg
    >>> from tapegrad.utils.data import DataLoader, TensorDataset
    >>> x = tg.linspace(-1, 1, 32).reshape(32, 1)
    >>> model = tg.nn.Linear(1, 1)
    >>> trainer = Trainer(model, tg.nn.MSELoss(), tg.optim.SGD(model.parameters(), lr=0.5))
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
        metrics: Mapping[str, Any] | Iterable[str] | None = None,
        callbacks: Sequence[Callback] = (),
        report_every: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        accumulate: int = 1,
        ema: float | None = None,
        compile: bool = True,
    ):
        if schedule_every not in ("epoch", "step"):
            raise ArgumentError("Trainer", f"schedule_every is {schedule_every!r}", 'use "epoch" or "step"')
        _check_counts("Trainer", report_every=report_every, accumulate=accumulate)
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.schedule_every = schedule_every
        self.penalty = penalty
        self.metrics: dict[str, Metric] = metrics_of(metrics or {})
        # Whether the first targets are still to decide which metrics there are.
        self.undecided = metrics is None
        self.callbacks = list(callbacks)
        self.report_every = report_every
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.accumulate = accumulate
        self.ema = None if ema is None else WeightAverage(model, ema)
        self.compiling = Compiling(compile)
        self.position = Position()
        self.averages = Averages()
        self.history: History = History()
        # What fit was asked for: batches in an epoch (0: not known), epochs, and updates in all (None: not given).
        self.batches = 0
        self.epochs = 0
        self.steps: int | None = None
        # The loaders that fit was given; the batches of the update at hand, and what looks into it.
        self.loaders: tuple[Any, Any] = (None, None)
        self.at_hand: list = []
        self.inside = Inside()
        # Ctrl-C was pressed; why the training ended before its time.
        self.stopping = False
        self.stopped: str | None = None
        self._listeners: dict[str, list[Callable]] = {}

    @property
    def rate(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def total_steps(self) -> int:
        """How many updates the training has in all, if nothing stops it."""
        total = self.epochs * math.ceil(self.batches / self.accumulate)
        return total if self.steps is None else min(self.steps, total or self.steps)

    @property
    def is_before_report(self) -> bool:
        """Whether the update at hand is the last one before a report."""
        ends = 0 < self.batches <= self.position.batch + self.accumulate and self._reports(self.position.epoch)
        return ends or self.position.step + 1 == self.steps

    def stop(self, reason: str) -> None:
        """End the training, in good order, after the update or epoch at hand; ``stopped`` then is the reason."""
        self.stopped = reason

    def fit(
        self, train: Any, valid: Iterable | None = None, *, epochs: int | None = None, steps: int | None = None
    ) -> History:
        """Train until ``epochs`` epochs or ``steps`` updates are done, from wherever :attr:`position` is.

        Returns one record per report. Raises DataError when a loss is not finite or there is no data;
        KeyboardInterrupt after the callbacks have saved what there is.
        """
        self._plan(train, epochs, steps)
        self.loaders = train, valid
        for callback in self.callbacks:
            callback.on_fit_begin(self)
        self._listeners = {event: _overridden(self.callbacks, event) for event in _EVENTS}
        try:
            with stop_between_batches(self):
                while not self._is_over() and not self.stopping:
                    self._epoch(train, valid)
                interrupted = not self._is_over()
        except BaseException as error:
            self.inside.forget()
            self._tell("on_failure", error)
            raise
        self._tell("on_interrupt" if interrupted else "on_fit_end")
        if interrupted:
            raise KeyboardInterrupt
        return self.history

    def _plan(self, train: Any, epochs: int | None, steps: int | None) -> None:
        given = {name: value for name, value in (("epochs", epochs), ("steps", steps)) if value is not None}
        _check_counts("fit", **given)
        self.batches = len(train) if hasattr(train, "__len__") else 0
        self.steps = steps
        self.stopped = None
        if epochs is None and steps is not None:
            here, updates = self.position, math.ceil(self.batches / self.accumulate)
            left = steps - here.step + here.batch // self.accumulate
            epochs = here.epoch + math.ceil(left / updates) if updates else steps
        self.epochs = 1 if epochs is None else epochs

    def _is_over(self) -> bool:
        done = self.position.epoch >= self.epochs or (self.steps is not None and self.position.step >= self.steps)
        return done or self.stopped is not None

    def _reports(self, epoch: int) -> bool:
        return (epoch + 1) % self.report_every == 0 or epoch + 1 == self.epochs

    def _epoch(self, train: Any, valid: Iterable | None) -> None:
        started = time.perf_counter()
        self.model.train()
        whole = False
        for batches in groups(from_position(train, self.position), self.accumulate):
            self.at_hand = batches
            self._tell("on_batch_begin")
            measured = self._update(batches)
            self._tell("on_batch_end", measured)
            if self._is_over():
                whole = self.position.batch == self.batches
                break
            if self.stopping:
                return
        else:
            whole = True
        if self.averages.count == 0:
            raise DataError("train", "the loader gave no batch", "give it data, or set drop_last=False")
        self._finish(valid, started, whole)

    def _update(self, batches: list) -> dict[str, float]:
        """Make one update with the mean gradient over the batches' samples, and return the mean loss."""
        sizes = [len(target) for _, target in batches]
        shares = [n / sum(sizes) for n in sizes] if len(sizes) > 1 else [1.0]

        def measure(losses: Sequence[Tensor], penalties: Sequence[Tensor]) -> dict[str, float]:
            measured = {"loss": 0.0}
            for loss, share in zip(losses, shares, strict=False):
                measured["loss"] += loss.item() * share
            if penalties:
                measured["penalty"] = penalties[0].item()
            self._check_finite(measured)
            return measured

        results = self.compiling.update(self, batches, measure)
        count = len(batches)
        outputs = results[-count:]
        measured = measure(results[:count], results[count:-count])
        for (_, target), output in zip(batches, outputs, strict=True):
            for metric in self._metrics_for(target).values():
                metric.update(output, target)
        if self.ema is not None:
            self.ema.update()
        if self.scheduler is not None and self.schedule_every == "step":
            self._schedule(measured)
        self.position.step += 1
        self.position.batch += count
        self.averages.add(sum(sizes), **measured)
        return measured

    def _check_finite(self, measured: dict[str, float]) -> None:
        if not math.isfinite(sum(measured.values())):
            name = "loss" if not math.isfinite(measured["loss"]) else "penalty"
            raise NotFiniteError(
                "train",
                f"the {name} is {measured[name]} at step {self.position.step} (rate {self.rate:g})",
                "lower the learning rate, clip the gradients, or look for values that are not finite in the data",
            )

    def _finish(self, valid: Iterable | None, started: float, whole: bool) -> None:
        """End the epoch, or the training within it: validate, report, step the schedule."""
        epoch = self.position.epoch
        reporting = not whole or self._reports(epoch)
        record: dict[str, float] = {"epoch": epoch + 1, "step": self.position.step, "rate": self.rate}
        if reporting:
            record.update(self.averages.result())
            record.update(_numbers({name: metric.compute() for name, metric in self.metrics.items()}))
            if valid is not None:
                record.update({f"valid_{name}": value for name, value in _numbers(self.evaluate(valid)).items()})
            record["seconds"] = time.perf_counter() - started
        if whole:
            if self.scheduler is not None and self.schedule_every == "epoch":
                self._schedule(record)
            self.position = Position(epoch + 1, 0, self.position.step)
            self.averages = Averages()
            for metric in self.metrics.values():
                metric.reset()
        if reporting:
            self.history.append(record)
            self._tell("on_epoch_end", record)

    def _schedule(self, record: dict[str, float]) -> None:
        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
            return
        name = next(iter(self.metrics), "loss") if self.scheduler.mode == "max" else "loss"
        value = record.get(f"valid_{name}", record.get(name))
        if value is not None:
            self.scheduler.step(value)

    def evaluate(self, loader: Iterable) -> dict[str, Any]:
        """Return the mean loss and metrics over the loader's data, in evaluation mode, with averaged weights if any."""
        averages = Averages()
        metrics: dict[str, Metric] | None = None
        was_training = self.model.training
        self.model.eval()
        try:
            with self.averaged_weights(), no_grad():
                for inputs, target in loader:
                    output = self.model(inputs)
                    averages.add(len(target), loss=self.loss(output, target).item())
                    if metrics is None:
                        metrics = {name: metric.fresh() for name, metric in self._metrics_for(target).items()}
                    for metric in metrics.values():
                        metric.update(output, target)
        finally:
            self.model.train(was_training)
        if metrics is None:
            raise DataError("evaluate", "the loader gave no batch", "give it data")
        return {**averages.result(), **{name: metric.compute() for name, metric in metrics.items()}}

    def averaged_weights(self) -> contextlib.AbstractContextManager:
        """Return a context in which the model has the averaged weights; without ``ema`` it keeps its own."""
        return contextlib.nullcontext() if self.ema is None else self.ema.applied()

    def _metrics_for(self, target: Tensor) -> dict[str, Metric]:
        if self.undecided:
            self.undecided = False
            self.metrics = {"accuracy": Accuracy()} if target.dtype.kind in "iu" else {}
        return self.metrics

    def dry_run(self, train: Any, valid: Iterable | None = None) -> dict[str, float]:
        """Take one training update and one validation batch through everything, undo it, and return what was measured."""
        return checks.dry_run(self, train, valid)

    def overfit_one_batch(self, train: Any, steps: int = 500, **options: Any) -> checks.Overfit:
        """See whether the network learns a few samples by heart: :func:`checks.overfit_one_batch`. Then undo it."""
        return checks.overfit_one_batch(self, train, steps, **options)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs beside model, optimizer and generator: :func:`state.state_of`."""
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where :meth:`state_dict` was taken. Raises KeyError, TypeError or ValueError for what is no such state."""
        load_state(self, state)

    def _tell(self, event: str, *details: Any) -> None:
        for listener in self._listeners[event]:
            listener(self, *details)


def _overridden(callbacks: Iterable[Callback], event: str) -> list[Callable]:
    """Return the methods for an event of those callbacks that have one of their own."""
    methods = [getattr(callback, event) for callback in callbacks]
    return [method for method in methods if getattr(method, "__func__", None) is not getattr(Callback, event)]


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, (int, float))}


def _check_counts(who: str, **counts: Any) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ArgumentError(who, f"{name} is {value!r}", "use a positive integer")
