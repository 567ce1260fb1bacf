"""The doctor: watches a training, and says in plain words what is wrong with it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, NotFiniteError, TapegradError
from ...train import Callback
from ...train.inside import LayerLook
from . import before, before_data
from .begin import arrays_of, facts_of, note_reached, start_of, targets_are_classes
from .causes import causes_of, is_led_to
from .detectors import DETECTORS
from .failing import why_not_finite
from .finding import Finding, ranked
from .observe import Course, Look
from .pace import Pace
from .remedies.advise import advised
from .sample import drawn, sample_of
from .traits import traits_of

__all__ = ["Doctor", "diagnose"]

_MODES = ("cheap", "full")
# Samples that a look of the cheap form sends through the network.
_SAMPLES = 64
# Losses of early updates are kept one by one up to here; of longer trainings every second, fourth, ... is.
_MOST_LOSSES = 65_536
# Of more looks than this every second one is let go, but for the first quarter.
_MOST_LOOKS = 200
# Before so many updates nothing is judged by what the data would allow.
_FEWEST_LOSSES = 60
# A loss that is so many times the first one may be the last that is finite.
_ALARMING = 3.0
# A finding of this severity explains why a training raises an error.
_EXPLAINS = 0.9
# The doctor's share of the time of a training that is made for its sake alone.
_DIAGNOSING = 0.3
# Weights of networks with more numbers are not kept.
_MOST_KEPT = 50_000_000


class Doctor(Callback):
    """Watches a training, and says what is wrong with it: before the first update, while it runs, and when it breaks off.

    As a callback of a :class:`~tapegrad.train.Trainer`; the training is the same, bit for bit, as without it, compiled or
    not. ``mode``: ``"cheap"`` looks at the network seldom enough to take at most the share ``budget`` of the time (looks
    that the statistics take anyway cost nothing); ``"full"`` looks at every report and at growing distances in between,
    compares gradients with finite differences, and tries whether one batch can be learned by heart. Each finding is
    given to ``tell(finding)`` and ``log("finding", step=..., **fields)`` once, when it first shows. ``test``: a loader, or
    (inputs, targets), that is compared with the training data. :attr:`findings` has them by falling severity.

    With a loop of one's own it is used as ``with Doctor(model, optimizer) as doctor:``; that block ends by itself when the
    loss is not finite, and ``print(doctor)`` says what was found. Raises ArgumentError for an unknown mode.

    >>> import tapegrad as tg
    >>> from tapegrad.utils.data import DataLoader, TensorDataset
    >>> model = tg.nn.Sequential(tg.nn.Linear(4, 1), tg.nn.Sigmoid())
    >>> doctor = Doctor()
    >>> optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> trainer = tg.train.Trainer(model, tg.nn.MSELoss(), optimizer, callbacks=[doctor])
    >>> labels = (tg.arange(32) % 10).float().reshape(32, 1)
    >>> _ = trainer.fit(DataLoader(TensorDataset(tg.randn(32, 4), labels), batch_size=8), epochs=1)
    >>> doctor.findings[0].fault, doctor.findings[0].where
    ('output-range', '1')
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        *,
        mode: str = "cheap",
        log: Callable[..., Any] | None = None,
        tell: Callable[[Finding], Any] | None = None,
        test: Any = None,
        budget: float = 0.02,
    ):
        if mode not in _MODES:
            raise ArgumentError("Doctor", f"mode is {mode!r}", 'use "cheap" or "full"')
        self.model = model
        self.optimizer = optimizer
        self.mode = mode
        self.log = log
        self.tell = tell
        self.test = test
        self.course = Course()
        self.pace = Pace(math.inf if mode == "full" else budget)
        self._found: dict[tuple[str, str], Finding] = {}
        # The update at hand is looked at; of so many losses one is kept; the rate that was noted last.
        self._looking = False
        self._every = 1
        self._rate = math.nan
        # Training samples that the course's sample is made of when there is time.
        self._sample: tuple[Any, Any] | None = None
        # A loss beyond this is the beginning of an end; the weights of some update before it.
        self._alarm = math.inf
        self._kept: tuple[int, dict[str, Any]] | None = None
        self._hand: Any = None

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, by falling severity; of what one fault leads to, the fault alone."""
        if self._hand is not None:
            self._report(self._hand.step, self._hand.judge())
        return causes_of(self._found.values())

    @property
    def seconds(self) -> float:
        """How long the doctor itself has worked."""
        return self.pace.seconds

    def __str__(self) -> str:
        found = [f"{number}. {finding}" for number, finding in enumerate(self.findings, 1)]
        return "\n\n".join(found) or "nothing found"

    # -- a loop of one's own ------------------------------------------------------------------------------------------

    def __enter__(self) -> Doctor:
        from .hand import Hand

        if self.model is None:
            raise ArgumentError("Doctor", "there is no model to watch", "use: with Doctor(model, optimizer) as doctor")
        self._found = {}
        self._hand = Hand(self.model, self.optimizer)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        hand, self._hand = self._hand, None
        assert hand is not None
        ended = hand.end(error)
        self.course = hand.course
        self._report(hand.step, hand.judge())
        return ended

    # -- a trainer's callback -----------------------------------------------------------------------------------------

    def on_fit_begin(self, trainer: Any) -> None:
        step = trainer.position.step
        self.pace.begin(step)
        with self.pace.spend("beginning"):
            self.model, self.optimizer = trainer.model, trainer.optimizer
            self.course = Course(facts=facts_of(trainer), records=[dict(record) for record in trainer.history])
            self._every, self._rate, self._alarm, self._kept, self._looking = 1, math.nan, math.inf, None, False
            if step == 0:
                self._found = {}
                self.course.traits = traits_of(trainer.model)

    def on_batch_begin(self, trainer: Any) -> None:
        step = trainer.position.step
        shared = trainer.inside.step == step
        if not shared and step < self.pace.next and not trainer.is_before_report:
            return
        if not self.course.looks or shared or self.pace.affords("look"):
            with self.pace.spend("shared look" if shared else "look"):
                if step == 0:
                    self._examine(trainer)
                trainer.inside.begin(trainer, samples=_SAMPLES if self.mode == "cheap" else None)
            self._looking = True
            self._keep(trainer)
            if step >= self.pace.next:
                self.pace.looked(step)
        elif step >= self.pace.next:
            self.pace.put_off(step)

    def on_batch_end(self, trainer: Any, batch: dict[str, float]) -> None:
        step, loss = trainer.position.step, batch["loss"]
        if step % self._every == 0:
            self._note(step, loss)
        rate = trainer.rate
        if not 0.99 * self._rate < rate < 1.01 * self._rate:
            self._rate = rate
            self.course.rates.append((step, rate))
        if loss > self._alarm:
            self._keep(trainer)
        if self._looking:
            self._looking = False
            with self.pace.spend("end of a look"):
                self._see(step, trainer.inside.end(trainer))
                if step == 1:
                    self._first_update(trainer, loss)
            self._judge_at_leisure(step)

    def on_epoch_end(self, trainer: Any, record: dict[str, float]) -> None:
        self.course.records.append(dict(record))
        self._judge_at_leisure(trainer.position.step)

    def on_interrupt(self, trainer: Any) -> None:
        self._looking = False

    def on_failure(self, trainer: Any, error: BaseException) -> None:
        self._looking = False
        if isinstance(error, NotFiniteError):
            self.course.failure = why_not_finite(trainer, self._kept)
            # The loss of the update that failed is told to nobody else.
            self._note(trainer.position.step + 1, math.nan)
            self._judge(trainer.position.step)

    def on_fit_end(self, trainer: Any) -> None:
        # A number of updates that ends within the last epoch is all that was wanted; one before that is a part.
        left = trainer.epochs * self.course.facts.batches - trainer.position.step
        self.course.whole = trainer.stopped is not None or left < max(self.course.facts.batches, 1)
        self._judge(trainer.position.step)

    def state_dict(self) -> dict[str, Any]:
        """Return the findings, so that a resumed training does not tell them again."""
        return {"findings": [finding.to_dict() for finding in self._found.values()]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._found = {f.key: f for f in map(Finding.from_dict, state["findings"])}

    # -- looking ------------------------------------------------------------------------------------------------------

    def _examine(self, trainer: Any) -> None:
        """Look at the data and at what the untrained network makes of the first batch."""
        inputs, targets = trainer.at_hand[0]
        course = self.course
        course.start = start_of(trainer.model, trainer.optimizer, inputs, targets)
        train, valid = trainer.loaders
        course.start.samples = arrays_of({"train": train, "valid": valid, "test": self.test})
        if targets_are_classes(course.start.targets) and course.start.outputs is not None:
            course.facts.task = "classification"
            course.facts.classes = course.start.outputs.shape[1] if course.start.outputs.ndim > 1 else None
        elif course.start.targets is not None and course.start.targets.dtype.kind == "f":
            course.facts.task = "regression"
        # An update with labels that do not fit raises: what is to be said of them is said before it.
        self._report(0, (f for check in (*before_data.CHECKS, *before.CHECKS) for f in check(course)))
        if self.mode == "full":
            from .thorough import thorough

            self._report(0, thorough(trainer))

    def _first_update(self, trainer: Any, loss: float) -> None:
        start = self.course.start
        if start is None:
            return
        start.loss = loss
        self._alarm = _ALARMING * abs(loss)
        note_reached(trainer.model, start.parameters)
        self._find_cut(trainer)
        self._report(0, (f for check in before.CHECKS for f in check(self.course)))
        # They may be parts of something much larger, and have told all they can but for some first ones.
        train = start.samples.get("train")
        self._sample = None if train is None else drawn(*train)
        start.samples = {}

    def _find_cut(self, trainer: Any) -> None:
        """Look for where the way to parameters without a gradient is cut."""
        start = self.course.start
        assert start is not None
        names = dict(trainer.model.named_parameters())
        missing = [names[n] for n, p in start.parameters.items() if p.learned and p.held and p.reached is False]
        if missing:
            from .tape import cut_in

            # What cannot be computed once more is told without its line.
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                inputs, target = trainer.at_hand[0]
                start.cut = cut_in(trainer.model, trainer.loss, inputs, target, missing)

    def _note(self, step: int, loss: float) -> None:
        course = self.course
        course.steps.append(step)
        course.losses.append(loss)
        if len(course.losses) >= _MOST_LOSSES:
            self._every *= 2
            course.steps, course.losses = course.steps[1::2], course.losses[1::2]

    def _see(self, step: int, layers: Mapping[str, LayerLook]) -> None:
        if layers:
            looks = self.course.looks
            looks.append(Look(step, dict(layers)))
            if len(looks) > _MOST_LOOKS:
                del looks[_MOST_LOOKS // 4 :: 2]

    def _keep(self, trainer: Any) -> None:
        """Keep the weights: where updates are programs, a loss that is not finite is seen after it has spoiled them."""
        if self.course.facts.parameters <= _MOST_KEPT and (self._kept is None or self.pace.affords("keep")):
            with self.pace.spend("keep"):
                weights = {name: value.array.copy() for name, value in trainer.model.state_dict().items()}
                self._kept = trainer.position.step, weights

    # -- judging ------------------------------------------------------------------------------------------------------

    def _judge_at_leisure(self, step: int) -> None:
        # Half of the time is left for looks.
        if step == 1 or self.pace.affords("judge", 0.5):
            with self.pace.spend("judge"):
                self._judge(step)

    def _judge(self, step: int) -> None:
        if self._sample is not None and (self.course.whole or len(self.course.losses) >= _FEWEST_LOSSES):
            self.course.sample = sample_of(*self._sample)
            self._sample = None
        self._report(step, (finding for detector in DETECTORS for finding in detector(self.course)))

    def _report(self, step: int, found: Any) -> None:
        """Keep what was found: tell what is new, and take newer evidence for what is known."""
        for finding in ranked(advised(finding, self.course) for finding in found):
            known = self._found.get(finding.key)
            if known is not None:
                self._found[finding.key] = dataclasses.replace(finding, since=min(finding.since, known.since))
                continue
            self._found[finding.key] = finding
            if is_led_to(finding, self._found.values()):
                continue
            if self.log is not None:
                self.log("finding", step=step, **finding.to_dict())
            if self.tell is not None:
                self.tell(finding)


def diagnose(
    trainer: Any,
    train: Any,
    valid: Any = None,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    mode: str = "full",
    test: Any = None,
) -> list[Finding]:
    """Train, with the doctor beside it, and return what it found, by falling severity.

    ``epochs`` are those of the whole training; with ``steps`` it ends after so many updates, and what only a finished
    training can be judged by is left out. The model is a trained one afterwards. A training that breaks off is a finding;
    an error that no finding explains is raised.
    """
    doctor = Doctor(mode=mode, test=test, budget=_DIAGNOSING)
    callbacks, trainer.callbacks = trainer.callbacks, [*trainer.callbacks, doctor]
    try:
        trainer.fit(train, valid, epochs=epochs, steps=steps)
    except TapegradError as error:
        # A loss that is not finite is a finding by itself, or has its cause among them.
        explained = -math.inf if isinstance(error, NotFiniteError) else _EXPLAINS
        if not any(finding.severity >= explained for finding in doctor.findings):
            raise
    finally:
        trainer.callbacks = callbacks
    return doctor.findings
