"""The plan of a sweep: its trials, each a configuration and a seed, all valid before the first one runs."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import pathlib
import random as _random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...errors import ArgumentError, FileFormatError
from ...formats.atomic import write_atomically
from .levels import Factor, Level, Range, parse_factor, parse_seeds

__all__ = ["Plan", "Trial", "make_plan", "read_plan", "trial_recipes", "write_plan"]

_VERSION = 1
_MOST_TRIALS = 10_000
_UNSET = "default"

Load = Callable[[Sequence[str]], Any]


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training: its number, the label of each factor's level, the overrides that make it, and its seed."""

    number: int
    levels: dict[str, str]
    overrides: tuple[str, ...]
    seed: int

    @property
    def folder(self) -> str:
        """The name of its folder under ``trials/``."""
        return f"{self.number:04d}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """A sweep: ``mode`` is ``one`` (one factor at a time around the recipe), ``grid`` or ``random``."""

    name: str
    mode: str
    factors: tuple[Factor, ...]
    seeds: tuple[int, ...]
    trials: tuple[Trial, ...]
    fixed: tuple[str, ...] = ()
    metric: str | None = None
    command: str = ""

    def settings(self) -> list[tuple[dict[str, str], list[Trial]]]:
        """Return each combination of levels with its trials, one for each seed, in the order of the plan."""
        grouped: dict[tuple[str, ...], list[Trial]] = {}
        for trial in self.trials:
            grouped.setdefault(trial.overrides, []).append(trial)
        return [(trials[0].levels, trials) for trials in grouped.values()]


def make_plan(
    load: Load,
    vary: Sequence[str],
    *,
    name: str = "sweep",
    grid: bool = False,
    random: int | None = None,
    draw_seed: int = 0,
    seeds: str | None = None,
    fixed: Sequence[str] = (),
    metric: str | None = None,
    command: str = "",
) -> Plan:
    """Return the plan of a sweep over the factors ``vary`` (see :func:`parse_factor`).

    ``load(overrides)`` gives the configuration of the recipe with overrides, or raises what is wrong with it: every
    trial's is asked for here, so that nothing runs before everything is known to be valid. One factor at a time is
    varied around the recipe's own values, which are a level of every factor and are trained once; ``grid`` combines
    all levels of all factors; ``random`` draws so many combinations, without repetition, by ``draw_seed``.
    """
    base = load(fixed)
    factors = [parse_factor(text) for text in vary]
    _check_names(factors)
    if grid and random is not None:
        raise ArgumentError("sweep", "--grid and --random are both given", "give one of them")
    mode = "random" if random is not None else "grid" if grid else "one"
    configurations = _Configurations(load, tuple(fixed), base)
    for factor in factors:
        if factor.range is not None and mode != "random":
            raise ArgumentError("sweep", f"{factor.name} is a range", "say how many trials to draw: --random 20")
        configurations.check_distinct(factor)
    if mode == "one":
        factors = [configurations.with_own(factor) for factor in factors]
        settings = _one_at_a_time(factors)
    elif mode == "grid":
        settings = list(itertools.product(*(factor.levels for factor in factors)))
    else:
        settings = _drawn(factors, random or 0, draw_seed)
    found = parse_seeds(seeds, base.seed)
    if len(settings) * len(found) > _MOST_TRIALS:
        raise ArgumentError(
            "sweep",
            f"that is {len(settings) * len(found):,} trials",
            f"stay at {_MOST_TRIALS:,}, or draw with --random",
        )
    trials = []
    for levels, seed in itertools.product(settings, found):
        labels = {factor.name: level.label for factor, level in zip(factors, levels, strict=True)}
        overrides = tuple(override for level in levels for override in level.overrides)
        trials.append(Trial(len(trials) + 1, labels, overrides, seed))
    for trial in trials[:: len(found)]:
        load([*fixed, *trial.overrides])
    return Plan(name, mode, tuple(factors), found, tuple(trials), tuple(fixed), metric, command)


def trial_recipes(load: Load, plan: Plan) -> Iterator[tuple[str, str]]:
    """Give each trial's folder with its whole recipe as YAML: its levels, its seed, and one BLAS thread."""
    from ..config import dump_config

    for _, trials in plan.settings():
        config = load([*plan.fixed, *trials[0].overrides])
        for trial in trials:
            yield trial.folder, dump_config(config.model_copy(update={"seed": trial.seed, "threads": 1}))


def _check_names(factors: Sequence[Factor]) -> None:
    """Refuse factors that share a name or a key: one would silently win over the other."""
    for a, b in itertools.combinations(factors, 2):
        if a.name == b.name:
            raise ArgumentError("--vary", f"the factor '{a.name}' is there twice", "give all its levels in one --vary")
        for k, other in itertools.product(a.keys, b.keys):
            if k == other or k.startswith(other + ".") or other.startswith(k + "."):
                raise ArgumentError(
                    "--vary", f"the factors '{a.name}' and '{b.name}' both set {max(k, other, key=len)}", "vary it once"
                )


class _Configurations:
    """The recipe's configuration beside those of its levels."""

    def __init__(self, load: Load, fixed: tuple[str, ...], base: Any):
        self.load = load
        self.fixed = fixed
        self.base = base

    def of(self, level: Level) -> Any:
        return self.load([*self.fixed, *level.overrides])

    def check_distinct(self, factor: Factor) -> None:
        """Refuse two levels that mean the same, such as 0.1 and 1e-1."""
        for (a, one), (b, other) in itertools.combinations([(v, self.of(v)) for v in factor.levels], 2):
            if one == other:
                raise ArgumentError(
                    "--vary", f"the levels '{a.label}' and '{b.label}' of {factor.name} are the same", "leave one out"
                )

    def with_own(self, factor: Factor) -> Factor:
        """Return the factor with the recipe's own values as a level without overrides: one of its levels, or a new one."""
        for i, level in enumerate(factor.levels):
            if self.of(level) == self.base:
                own = Level(level.label, ())
                return dataclasses.replace(
                    factor, levels=(*factor.levels[:i], own, *factor.levels[i + 1 :]), own=own.label
                )
        label = ", ".join(dict.fromkeys(self._own_label(key) for key in factor.keys))
        while any(level.label == label for level in factor.levels):
            label += " (recipe)"
        return dataclasses.replace(factor, levels=(Level(label, ()), *factor.levels), own=label)

    def _own_label(self, key: str) -> str:
        """Return the recipe's value as written, else the one that stands for it, else the word for "not set"."""
        for unset in (True, False):
            found = _at(self.base.model_dump(mode="json", exclude_unset=unset), key)
            if found is not _UNSET:
                return flow(found)
        return _UNSET


def _one_at_a_time(factors: Sequence[Factor]) -> list[tuple[Level, ...]]:
    own = tuple(factor.level(factor.own or "") for factor in factors)
    settings = [own]
    for i, factor in enumerate(factors):
        settings += [(*own[:i], level, *own[i + 1 :]) for level in factor.levels if level.overrides]
    return settings


def _drawn(factors: Sequence[Factor], count: int, seed: int) -> list[tuple[Level, ...]]:
    """Return ``count`` different combinations. Python's own generator keeps its streams from version to version."""
    if not 1 <= count <= _MOST_TRIALS:
        raise ArgumentError("--random", f"{count} trials cannot be drawn", f"give 1 to {_MOST_TRIALS:,}")
    possible = math.prod(_size(factor) for factor in factors)
    if count > possible:
        raise ArgumentError("--random", f"{count} is more than the {possible:.0f} combinations there are", "use --grid")
    generator = _random.Random(seed)
    found: dict[tuple[str, ...], tuple[Level, ...]] = {}
    for _ in range(100 * count + 10_000):
        levels = tuple(_draw_level(factor, generator) for factor in factors)
        found.setdefault(tuple(level.label for level in levels), levels)
        if len(found) == count:
            return list(found.values())
    raise ArgumentError("--random", f"{count} different combinations were not found", "draw fewer, or use --grid")


def _size(factor: Factor) -> float:
    if factor.range is None:
        return len(factor.levels)
    return factor.range.high - factor.range.low + 1 if factor.range.kind == "int" else math.inf


def _draw_level(factor: Factor, generator: _random.Random) -> Level:
    if factor.range is None:
        return generator.choice(factor.levels)
    value = factor.range.draw(generator)
    return Level(value, (f"{factor.keys[0]}={value}",))


def _at(values: Any, key: str) -> Any:
    """Return what a dotted key names in nested mappings and lists, or the word for "not set"."""
    for part in key.split("."):
        try:
            values = values[int(part)] if isinstance(values, list) else values[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return _UNSET
    return values


def flow(value: Any) -> str:
    """Return a value as YAML on one line, as a person would write it; of a file in some folder only the name.

    >>> flow({"type": "SGD", "lr": 0.1, "sizes": [784, 10], "nesterov": True, "decay": None})
    '{type: SGD, lr: 0.1, sizes: [784, 10], nesterov: true, decay: null}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else str(value)


def write_plan(plan: Plan, path: str | os.PathLike) -> None:
    """Write a plan as JSON, whole or not at all."""
    values = {"version": _VERSION, **dataclasses.asdict(plan)}
    write_atomically(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def read_plan(path: str | os.PathLike) -> Plan:
    """Return the plan that :func:`write_plan` wrote. Raises FileFormatError when it is damaged."""
    try:
        values = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if values.pop("version") != _VERSION:
            raise ValueError("it was written by another version")
        values["factors"] = tuple(_factor(**entry) for entry in values["factors"])
        values["trials"] = tuple(_trial(**entry) for entry in values["trials"])
        values["seeds"], values["fixed"] = tuple(values["seeds"]), tuple(values["fixed"])
        plan = Plan(**values)
        if plan.mode not in ("one", "grid", "random") or not plan.trials:
            raise ValueError("it has no trials")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(str(path), f"is no plan of a sweep ({error})", "start the sweep again") from None
    return plan


def _factor(levels: list[dict[str, Any]], range: dict[str, Any] | None, keys: list[str], **rest: Any) -> Factor:
    found = tuple(Level(level["label"], tuple(level["overrides"])) for level in levels)
    return Factor(levels=found, range=Range(**range) if range else None, keys=tuple(keys), **rest)


def _trial(overrides: list[str], **rest: Any) -> Trial:
    trial = Trial(overrides=tuple(overrides), **rest)
    if type(trial.number) is not int or type(trial.seed) is not int or not isinstance(trial.levels, dict):
        raise ValueError(f"trial {trial.number} is damaged")
    return trial
