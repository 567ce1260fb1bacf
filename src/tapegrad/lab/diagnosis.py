"""What is wrong with a recipe, found by training it for a while, or with a run, read from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from ..explain.doctor.causes import causes_of
from ..explain.doctor.detectors import detect
from ..explain.doctor.doctor import diagnose
from ..explain.doctor.finding import Finding
from ..explain.doctor.reading import course_of
from ..train import Run, load_weights
from .advice import fitted
from .build import Assembly, build
from .config import load_config
from .experiment import held_out_of, one_setting
from .schema import Config

__all__ = ["diagnose_recipe", "diagnose_run", "told_in"]

# Longer trainings are judged by so many updates.
_MOST = 1000


def diagnose_recipe(
    recipe: str, overrides: Sequence[str] = (), *, steps: int | None = None, mode: str = "cheap", most: int = _MOST
) -> tuple[dict[str, int], list[Finding]]:
    """Train a recipe, in memory, and return how far (``steps`` made ``of`` those planned) and what was found.

    ``steps``: updates to make; left out, the whole training, at most ``most``. Raises ConfigError for a faulty recipe, and
    what a training raises where no finding explains it.
    """
    config = load_config(recipe, list(overrides))
    with one_setting(config), np.errstate(all="ignore"):
        assembly = build(config)
        trainer, total = assembly.trainer, _planned(assembly)
        wanted = min(total, most if steps is None else steps)
        found = diagnose(
            trainer,
            assembly.train_loader,
            assembly.valid_loader,
            epochs=math.ceil(total / _updates(assembly)),
            steps=wanted,
            mode=mode,
            test=held_out_of(assembly.sets),
        )
        return {"steps": trainer.position.step, "of": total}, [fitted(finding, config) for finding in found]


def diagnose_run(run: Run) -> list[Finding]:
    """Return what its events say is wrong with a run; where its data is at hand, also what its first weights show.

    Findings that were told during the training are among them.
    """
    told = [finding for event in run.events("finding") if (finding := told_in(event)) is not None]
    config = load_config(run.folder / "recipe.yaml")
    course = course_of(run.events(), _planned_of(config))
    found = {finding.key: finding for finding in (*detect(course), *_at_start(run, config), *told)}
    return [fitted(finding, config) for finding in causes_of(found.values())]


def told_in(event: Mapping[str, Any]) -> Finding | None:
    """Return the finding that a doctor wrote down; None for what can be none of its, as files may be anybody's."""
    fields = (event.get(name, "") for name in ("fault", "where", "advice", "code"))
    numbers = event.get("since", 0), event.get("severity", 0.0)
    if not all(isinstance(text, str) for text in fields) or not all(type(n) in (int, float) for n in numbers):
        return None
    try:
        finding = Finding.from_dict(event)
        for told in (finding.title, finding.message, finding.sparkline):
            told()
    except Exception:  # whatever its evidence does to the sentences
        return None
    return finding


def _at_start(run: Run, config: Config) -> list[Finding]:
    """Return what one update from the run's first weights shows; nothing where data or weights are gone."""
    first = run.checkpoints / "initial.safetensors"
    try:
        with one_setting(config), np.errstate(all="ignore"):
            assembly = build(config)
            if first.is_file():
                load_weights(first, assembly.model)
            loaders = assembly.train_loader, assembly.valid_loader
            return diagnose(assembly.trainer, *loaders, epochs=1_000_000, steps=1, test=held_out_of(assembly.sets))
    except (OSError, DataError):
        return []


def _updates(assembly: Assembly) -> int:
    """Return the updates in an epoch."""
    return math.ceil(len(assembly.train_loader) / assembly.config.training.accumulate)


def _planned(assembly: Assembly) -> int:
    training = assembly.config.training
    return training.steps or (training.epochs or 1) * _updates(assembly)


def _planned_of(config: Config) -> dict[str, Any]:
    """Return what the recipe says of a course's facts."""
    return {
        "loss": config.loss.type,
        "optimizer": config.optimizer.type,
        "schedule": "" if config.schedule is None else config.schedule.type,
        "epochs": config.training.epochs or 0,
        "steps": config.training.steps,
        "clip_norm": config.training.clip_norm,
        "accumulate": config.training.accumulate,
        "batch_size": config.data.batch_size if isinstance(config.data.batch_size, int) else 0,
        "options": {"lr": config.optimizer.lr, **config.optimizer.arguments},
    }
