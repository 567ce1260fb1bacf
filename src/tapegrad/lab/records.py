"""What a run's folder says of its first updates, to be held against updates that are made again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from ..train import Run
from ..train.checkpoint import read_position
from ..train.environment import decisive_differences, environment, in_words
from ..train.hashes import hash_model
from ..train.ledger import read_ledger
from ..train.position import Averages

__all__ = ["Records"]

# How far the losses of an eager run may be, relative to their size, from those that programs make again.
_ROUNDING = 1e-3


class Records:
    """The hashes of a run's weights and the loss of its first epoch, compared with updates that are made again.

    ``until``: updates to make for the comparison; ``made``: how many the run made, None where that is not known; ``told``:
    how they compare, in words. An ``eager`` run's updates agree up to rounding only, and those of a run on another
    machine or with another NumPy may differ, which is then said.
    """

    def __init__(self, run: Run, eager: bool):
        events, ledger = run.events(), read_ledger(run)
        self.run = run
        self.eager = eager
        self.hashes = {line["step"]: line["sha256"] for line in reversed(ledger)}
        self.epochs = [e for e in events if e["event"] == "epoch" and isinstance(e.get("loss"), float)]
        self.epoch = min(self.epochs, key=lambda e: e["step"], default=None)
        later = [step for step in self.hashes if step > 0]
        self.until = int(self.epoch["step"]) if self.epoch is not None else min(later, default=0)
        self.made = _made(run, events, list(self.hashes))
        self.averages = Averages()
        self.agreeing: list[str] = []
        self.apart: str | None = None
        then = run.environment
        differences = decisive_differences(then, environment()) if then else {}
        self.elsewhere = in_words(differences) if differences else None

    def begin(self, trainer: Any) -> None:
        """Compare the initial weights."""
        self._compare_weights(trainer, 0)

    def compare_rates(self, trainer: Any, rates: np.ndarray) -> None:
        """Compare the learning rates, one for each update, that a schedule gives with those of all reports."""
        ahead = 0 if trainer.schedule_every == "step" else 1
        for event in self.epochs:
            place = int(event["step"]) - ahead
            if place < len(rates) and rates[place] != event.get("rate"):
                values = f"{event.get('rate')!r} in events.jsonl, {float(rates[place])!r} by its schedule"
                self._note(False, f"the rate at step {event['step']}", values)

    def compare(self, trainer: Any, step: int, batches: Sequence, results: Sequence) -> None:
        """Take the results of update ``step``, counted from 0, and compare what is on record. Raises DataError."""
        if step >= self.until:
            return
        sizes = [len(target) for _, target in batches]
        losses = [t.item() for t in results[: len(batches)]]
        shares = [n / sum(sizes) for n in sizes] if len(sizes) > 1 else [1.0]
        mean = 0.0
        for loss, share in zip(losses, shares, strict=True):
            mean += loss * share
        if trainer.batches and step % math.ceil(trainer.batches / trainer.accumulate) == 0:
            self.averages = Averages()
        self.averages.add(sum(sizes), loss=mean)
        if self.epoch is not None and step + 1 == self.epoch["step"]:
            self._compare_loss(self.averages.result()["loss"], self.epoch["loss"])
        if not self.eager:
            self._compare_weights(trainer, step + 1)

    @property
    def told(self) -> str:
        """How the updates compare with the run's records, in words."""
        if self.apart is not None:
            return f"they could not be compared with the run, which was trained with {self.elsewhere}"
        if not self.agreeing:
            return "they could not be compared with the run, which has no record of them"
        how = "up to rounding, as it was not compiled" if self.eager else "bit for bit"
        return f"the run's own records agree, {how}: {', '.join(self.agreeing)}"

    def _compare_loss(self, found: float, expected: float) -> None:
        near = abs(found - expected) <= _ROUNDING * max(abs(expected), 1.0) if self.eager else found == expected
        same = near or (math.isnan(found) and math.isnan(expected))
        self._note(same, "the first report's loss", f"{expected!r} in events.jsonl, {found!r} when trained again")

    def _compare_weights(self, trainer: Any, step: int) -> None:
        if step in self.hashes:
            found, expected = hash_model(trainer.model), self.hashes[step]
            name = f"the weights after update {step}" if step else "the initial weights"
            self._note(found == expected, name, f"{expected[:12]}… in ledger.jsonl, {found[:12]}… when trained again")

    def _note(self, same: bool, name: str, values: str) -> None:
        if same:
            # Of the weights after updates the last say it all.
            self.agreeing = [n for n in self.agreeing if "after" not in n or "after" not in name] + [name]
        elif self.elsewhere is not None:
            self.apart = name
        else:
            fix = "restore its recipe, data and records, or train again"
            raise DataError(
                "export", f"{self.run.name} is not what its recipe gives: {name} {_verb(name)} {values}", fix
            )


def _verb(name: str) -> str:
    return "are" if "weights" in name else "is"


def _made(run: Run, events: list[dict[str, Any]], steps: list[int]) -> int | None:
    """Return how many updates a run made, with that whose loss was not finite; None where the folder does not say."""
    # What a running or killed training did since its last word is not known.
    if not events or events[-1]["event"] == "start":
        return None
    told = [*steps, *(int(e.get("step", 0)) for e in events)]
    told += [int(e["step"]) + 1 for e in events if e["event"] == "failed" and " at step " in str(e.get("reason"))]
    told += [read_position(path).step for path in [run.checkpoints / "last.safetensors"] if path.is_file()]
    return max(told)
