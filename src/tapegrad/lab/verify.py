"""Training again, to confirm a run's ledger of weight hashes or to name the first step that differs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, FileFormatError
from ..train import Callback, Run, Trainer, environment, hash_model, load_checkpoint
from ..train.environment import decisive_differences, in_words
from ..train.ledger import Hashing, read_ledger
from .build import build
from .config import load_config
from .experiment import one_setting

__all__ = ["Verification", "verify_run"]


@dataclasses.dataclass
class Verification:
    """What became of a run's ledger when its recipe was trained again.

    ``compared`` hashes agree up to ``step`` (-1: none). ``first``, unless all agree, is the first line of the ledger that
    does not, ``found`` the hash in its place (None: the training never came there), and ``reasons`` what differs around it.
    """

    compared: int
    step: int
    first: dict[str, Any] | None = None
    found: str | None = None
    reasons: list[str] = dataclasses.field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether all hashes agree."""
        return self.first is None

    def __str__(self) -> str:
        if self.first is None:
            return f"all {self.compared:,} hashes agree, up to step {self.step:,}"
        place = f"step {self.first['step']:,} (epoch {self.first['epoch']:,})"
        if self.found is None:
            return f"the training ended before {place} of the ledger; {self.compared:,} hashes before it agree"
        before = f"{self.compared:,} before it agree, up to step {self.step:,}" if self.compared else "none before it"
        return (
            f"{place} is the first that differs: {self.first['sha256'][:12]}… in the ledger, {self.found[:12]}… now "
            f"({before})\nprobable reason: "
            + ("; ".join(self.reasons) or "none that the environment shows: look for what is not seeded")
        )


class _Comparing(Hashing):
    """Holds each hash against the ledger's, and ends the training where they part or the ledger ends."""

    def __init__(self, ledger: Sequence[Mapping[str, Any]], every: int | None):
        super().__init__(every)
        self.expected = {(line["epoch"], line["step"]): dict(line) for line in ledger}
        self.agreeing: set[tuple[int, int]] = set()
        self.found: str | None = None
        self.first: dict[str, Any] | None = None

    def note(self, trainer: Trainer, line: dict[str, Any]) -> None:
        place = line["epoch"], line["step"]
        if self.first is not None or place not in self.expected:
            return
        if line["sha256"] == self.expected[place]["sha256"]:
            self.agreeing.add(place)
            if place == max(self.expected) and trainer.position.step < trainer.total_steps:
                trainer.stop("the ledger ends here")
            return
        self.first, self.found = self.expected[place], line["sha256"]
        trainer.stop("the weights differ")

    def result(self) -> Verification:
        missing = sorted(set(self.expected) - self.agreeing)
        if self.first is None and missing:
            self.first = self.expected[missing[0]]
        step = max((step for _, step in self.agreeing), default=-1)
        return Verification(len(self.agreeing), step, self.first, self.found)


def verify_run(run: Run, callbacks: Sequence[Callback] = ()) -> Verification:
    """Train a run's recipe again, as far as its ledger goes or until a hash differs, and say how it compares.

    Nothing is written. Raises ArgumentError when the run has no ledger.
    """
    ledger = _whole_ledger(run)
    config = load_config(run.folder / "recipe.yaml")
    with one_setting(config):
        now = environment()
        assembly = build(config)
        comparing = _Comparing(ledger, config.callbacks.ledger_every)
        assembly.trainer.callbacks = [comparing, *callbacks]
        with np.errstate(all="ignore"):  # a loss that is not finite is reported by the trainer, in one sentence
            assembly.trainer.fit(
                assembly.train_loader,
                assembly.valid_loader,
                epochs=config.training.epochs,
                steps=config.training.steps,
            )
    result = comparing.result()
    if not result.agrees:
        result.reasons = _reasons(run, assembly.sets.sources, now)
        return result
    changed = _changed_data(run, assembly.sets.sources)
    if changed:
        raise DataError(
            "verify", f"the weights agree, but {'; '.join(changed)}", "restore it: the figures depend on it"
        )
    _check_last(run, assembly.trainer, ledger[-1])
    return result


def _whole_ledger(run: Run) -> list[dict[str, Any]]:
    """Return the ledger's lines. Raises ArgumentError when there are none, FileFormatError when some are no longer good."""
    path = str(run.folder / "ledger.jsonl")
    ledger = [line for line in read_ledger(run) if isinstance(line.get("epoch"), int)]
    if not ledger:
        raise ArgumentError("verify", f"{run.folder} has no ledger of weight hashes", "train again")
    result = run.result
    with open(path, encoding="utf-8", errors="replace") as file:
        written = sum(bool(line.strip()) for line in file)
    # A killed training may leave half a line, a finished one has none.
    if written - len(ledger) > (result is None):
        raise FileFormatError(path, f"{written - len(ledger)} of its {written} lines cannot be read", "restore it")
    places = {(line["epoch"], line["step"]): line["sha256"] for line in ledger}
    if any(places[line["epoch"], line["step"]] != line["sha256"] for line in ledger):
        raise FileFormatError(path, "contradicts itself: two hashes for one step", "restore it")
    last = max(step for _, step in places)
    if result is not None and last < result.get("steps", 0):
        raise FileFormatError(path, f"ends at step {last}, the run at step {result['steps']}", "restore it")
    return ledger


def _check_last(run: Run, trainer: Trainer, line: Mapping[str, Any]) -> None:
    """Raise DataError when a finished run's last checkpoint does not have the weights that the ledger ends with."""
    if run.result is None or run.newest_checkpoint is None:
        return
    load_checkpoint(run.newest_checkpoint, trainer)
    here = trainer.position
    if (here.epoch, here.step) == (line["epoch"], line["step"]) and hash_model(trainer.model) != line["sha256"]:
        raise DataError(
            str(run.newest_checkpoint),
            "does not have the weights of the ledger's last line",
            "restore it, or train again",
        )


def _reasons(run: Run, sources: Mapping[str, str], now: Mapping[str, Any]) -> list[str]:
    """Return what is known to decide about bits and was otherwise when the run was trained."""
    then = run.environment
    reasons = _changed_data(run, sources)
    differences = decisive_differences(then, now)
    if differences:
        reasons.append(f"it was trained with {in_words(differences)}")
    return reasons


def _changed_data(run: Run, sources: Mapping[str, str]) -> list[str]:
    data = run.environment.get("data") or {}
    return [f"the file {name} has changed" for name in sources if data.get(name, sources[name]) != sources[name]]
