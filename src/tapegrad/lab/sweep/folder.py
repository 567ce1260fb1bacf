"""A sweep's folder: the plan, the recipe, and one run folder for each trial."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Iterable
from typing import Any

from ...errors import ArgumentError, FileFormatError, did_you_mean
from ...formats.atomic import write_atomically
from ...train import Run
from .plan import Plan, Trial, read_plan, write_plan

__all__ = ["Failure", "Sweep"]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a trial has no result, and what to do. A ``final`` one would fail the same way again, and is not repeated."""

    why: str
    advice: str = ""
    final: bool = False
    traceback: str = ""


class Sweep:
    """The folder of a sweep.

    ``sweep.json`` is the plan, ``recipe.yaml`` the recipe around which it varies, ``trials/0001.yaml`` and so on are
    the trials' recipes, ``trials/0001`` and so on their run folders: a trial is finished when its ``result.json`` is
    there. ``table.md``, ``table.tex``, ``table.csv``, ``trials.csv`` and ``pictures/`` are made of these alone.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        self.trials = self.folder / "trials"
        self.pictures = self.folder / "pictures"
        self.recipe = self.folder / "recipe.yaml"

    @classmethod
    def create(
        cls, parent: str | os.PathLike, plan: Plan, recipe: str, trial_recipes: Iterable[tuple[str, str]] = ()
    ) -> Sweep:
        """Make a new folder ``NAME-DATE-TIME`` under ``parent``; the plan is written last, and whole."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            folder = pathlib.Path(parent) / (f"{plan.name}-{stamp}" + (f"-{number}" if number > 1 else ""))
            try:
                folder.mkdir(parents=True)
                break
            except FileExistsError:
                continue
        else:
            raise ArgumentError("sweep", f"no free name for a sweep under {parent}", "choose a folder with --sweeps")
        sweep = cls(folder)
        sweep.trials.mkdir()
        for name, text in trial_recipes:
            (sweep.trials / f"{name}.yaml").write_text(text, encoding="utf-8")
        write_atomically(sweep.recipe, recipe.encode())
        write_plan(plan, folder / "sweep.json")
        return sweep

    @classmethod
    def find(cls, name: str | os.PathLike, parent: str | os.PathLike = "sweeps") -> Sweep:
        """Return the sweep of a path, or of a name under ``parent``.

        Raises ArgumentError, naming the nearest sweep, when there is none.
        """
        for folder in (pathlib.Path(name), pathlib.Path(parent) / name):
            if (folder / "sweep.json").is_file():
                return cls(folder)
        known = [path.parent.name for path in sorted(pathlib.Path(parent).glob("*/sweep.json"))]
        hint = did_you_mean(str(name), known) if known else f"there is no sweep under {parent}: start one first"
        raise ArgumentError("sweep", f"there is no sweep '{name}'", hint)

    @property
    def plan(self) -> Plan:
        """The plan that the sweep was started with."""
        return read_plan(self.folder / "sweep.json")

    def recipe_of(self, trial: Trial) -> pathlib.Path:
        """Return the file of a trial's recipe."""
        return self.trials / f"{trial.folder}.yaml"

    def run(self, trial: Trial) -> Run:
        """Return the run of a trial, whether it has been started or not."""
        return Run(self.trials / trial.folder)

    def failure(self, trial: Trial) -> Failure | None:
        """Return why a trial failed when it was last tried, or None."""
        path = self.run(trial).folder / "failure.json"
        if not path.is_file():
            return None
        try:
            return Failure(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, RecursionError) as error:
            raise FileFormatError(
                str(path), f"is damaged ({error})", "remove it: the trial is then tried again"
            ) from None

    def unfinished(self) -> list[Trial]:
        """Return the trials that are still to be run: those without a result whose failure, if any, was not final."""
        return [
            trial
            for trial in self.plan.trials
            if not (self.run(trial).folder / "result.json").is_file()
            and not ((failure := self.failure(trial)) and failure.final)
        ]

    def history(self, trial: Trial) -> list[dict[str, Any]]:
        """Return the trial's records, one for each report, in order; what a resumed trial repeated counts once."""
        records = {event.get("step"): event for event in self.run(trial).events("epoch")}
        kept = [records[step] for step in sorted(step for step in records if isinstance(step, (int, float)))]
        return [{k: v for k, v in r.items() if k not in ("event", "time", "seconds")} for r in kept]


def write_failure(run: Run, failure: Failure) -> None:
    """Note in the trial's folder why it failed."""
    run.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(failure), indent=1, ensure_ascii=False)
    write_atomically(run.folder / "failure.json", (text + "\n").encode())
