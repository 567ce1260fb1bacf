"""The components of a configuration: names and arguments against the classes that they stand for."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Iterator
from typing import Any

from .. import nn, optim
from ..errors import TapegradError
from ..ops import zeros
from ..random import fork_rng
from . import names
from .arguments import Mismatch, argument
from .nearest import nearest
from .problems import Problem
from .schema import Component
from .yaml import Path

__all__ = ["PLACES", "check_components", "place_of"]

# Where components stand, of which kind they are, and the keys there that are no arguments.
PLACES: dict[Path, tuple[str, frozenset[str]]] = {
    ("loss",): ("loss", frozenset()),
    ("optimizer",): ("optimizer", frozenset({"lr", "groups", "penalties"})),
    ("schedule",): ("schedule", frozenset({"every"})),
    ("model", "activation"): ("activation", frozenset()),
    ("model", "output_activation"): ("activation", frozenset()),
    ("model", "layers", "*"): ("layer", frozenset({"name"})),
    ("data", "transforms", "*"): ("transform", frozenset()),
    ("metrics", "*"): ("metric", frozenset()),
    ("initial_weights", "*"): ("initialisation", frozenset({"parameters"})),
}
# What the training's length or the optimizer gives where a file leaves it out.
_FILLED = {"T_max", "max_lr", "total_steps"}
_LIGHT = 1_000_000


def place_of(path: Path) -> Path | None:
    """Return the entry of PLACES for the path of a component, or None."""
    pattern = tuple("*" if isinstance(part, int) else part for part in path)
    return pattern if pattern in PLACES else None


def check_components(data: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the data with names as they are written here and arguments as they are handed over; note the problems."""
    data = copy.deepcopy(data)
    for place, (kind, reserved) in PLACES.items():
        for holder, key, path in _matches(data, place, ()):
            holder[key] = _component(holder[key], kind, reserved, path, problems)
    _groups(data, problems)
    _data_set(data, problems)
    return data


def _matches(data: Any, place: Path, path: Path) -> Iterator[tuple[Any, Any, Path]]:
    """Yield the holder, key and path of every value that there is at a place."""
    part, rest = place[0], place[1:]
    if part == "*":
        keys: list[Any] = list(range(len(data))) if isinstance(data, list) else []
    else:
        keys = [part] if isinstance(data, dict) and data.get(str(part)) is not None else []
    for key in keys:
        if rest:
            yield from _matches(data[key], rest, (*path, key))
        else:
            yield data, key, (*path, key)


def _component(value: Any, kind: str, reserved: frozenset[str], path: Path, problems: list[Problem]) -> Any:
    """Return a component with its canonical name and its arguments converted; what is no component stays as it is."""
    written = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
    if not isinstance(written, str):
        return value
    name = names.canonical(kind, written)
    if name is None:
        at = path if isinstance(value, str) else (*path, "type")
        problems.append(Problem(at, f"there is no {kind} '{written[:60]}'", nearest(written, names.known(kind))))
        return value
    given = {} if isinstance(value, str) else {k: v for k, v in value.items() if k != "type" and k not in reserved}
    kept = {} if isinstance(value, str) else {k: v for k, v in value.items() if k in reserved}
    before = len(problems)
    arguments = _arguments(kind, name, given, reserved, kept, path, problems)
    if len(problems) == before:
        problems.extend(_trial(kind, name, arguments, path))
    return name if isinstance(value, str) else {"type": name, **kept, **arguments}


def _arguments(
    kind: str,
    name: str,
    given: dict[str, Any],
    reserved: frozenset[str],
    kept: dict[str, Any],
    path: Path,
    problems: list[Problem],
) -> dict[str, Any]:
    taken = names.parameters(kind, name)
    result, meant = {}, set()
    for key, value in given.items():
        if key in taken:
            result[key] = _value(value, key, taken[key], name, (*path, key), problems)
        else:
            fix = nearest(key, {*taken, *reserved} - {"groups", "penalties"})
            meant.add(fix)
            problems.append(Problem((*path, key), f"{name} has no argument '{key}'", fix, key=True))
    there = {*given, *kept, *_FILLED}
    missing = [k for k, p in taken.items() if p.default is p.empty and k not in there]
    missing = [k for k in missing if f"did you mean '{k}'?" not in meant]
    if missing:
        wanted = " and ".join(f"'{k}'" for k in missing)
        fix = f"write arguments: {{{missing[0]}: ...}}" if kind == "data set" else f"write {missing[0]}: ..."
        problems.append(Problem(path, f"{name} needs {wanted}", fix))
    return result


def _value(value: Any, key: str, parameter: inspect.Parameter, name: str, path: Path, problems: list[Problem]) -> Any:
    if key in names.NESTED:
        if not isinstance(value, list) or not value:
            problems.append(Problem(path, f"no list of {names.NESTED[key]}s", f"write {key}: [{{type: ...}}]"))
            return value
        return [_component(v, names.NESTED[key], frozenset(), (*path, i), problems) for i, v in enumerate(value)]
    try:
        return argument(value, key, parameter)
    except Mismatch as error:
        problems.append(Problem(path, f"{error.what} ({name})", error.fix))
        return value


def _groups(data: dict[str, Any], problems: list[Problem]) -> None:
    optimizer = data.get("optimizer")
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("groups"), list):
        return
    name = names.canonical("optimizer", optimizer["type"]) if isinstance(optimizer.get("type"), str) else None
    for i, group in enumerate(optimizer["groups"]):
        if name is not None and isinstance(group, dict):
            given = {k: v for k, v in group.items() if k != "parameters"}
            kept = dict.fromkeys(names.parameters("optimizer", name))
            path = ("optimizer", "groups", i)
            group.update(_arguments("optimizer", name, given, frozenset({"parameters"}), kept, path, problems))


def _data_set(data: dict[str, Any], problems: list[Problem]) -> None:
    section = data.get("data")
    if not isinstance(section, dict) or not isinstance(section.get("set"), str):
        return
    name = names.canonical("data set", section["set"])
    if name is None:
        fix = nearest(section["set"], names.known("data set"))
        problems.append(Problem(("data", "set"), f"there is no data set '{section['set'][:60]}'", fix))
        return
    section["set"] = name
    given = section.get("arguments", {})
    if isinstance(given, dict):
        path = ("data", "arguments") if "arguments" in section else ("data", "set")
        arguments = _arguments("data set", name, given, frozenset(), {}, path, problems)
        if "arguments" in section:
            # Plain data for the loaders, which may compare and print them.
            section["arguments"] = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}


# -- trials -----------------------------------------------------------------------------------------------------------


def _trial(kind: str, name: str, arguments: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Make the object, where that costs nothing, and yield what its constructor has to say."""
    if kind == "layer" and _weight(arguments) > _LIGHT:
        return
    component = Component.model_construct(None, type=name)
    component.__pydantic_extra__ = arguments
    try:
        with warnings.catch_warnings(), fork_rng():
            warnings.simplefilter("ignore")
            _make(kind, component)
    except TapegradError as error:
        named = next((k for k in arguments if k in f"{error.what} {error.fix}"), None)
        at = path if named is None else (*path, named)
        yield Problem(at, f"{name}: {error.what}", error.fix)
    except Exception as error:  # whatever a constructor does with values it did not expect
        yield Problem(path, f"{name} cannot be made with these arguments ({error})", "look at their values")


def _weight(arguments: dict[str, Any]) -> float:
    """About how many numbers a layer with these sizes holds."""
    flat = [n for v in arguments.values() for n in (v if isinstance(v, (list, tuple)) else [v])]
    return math.prod(max(1.0, abs(float(n))) for n in flat if isinstance(n, int) and not isinstance(n, bool))


def _make(kind: str, component: Component) -> None:
    if kind == "optimizer":
        names.create(kind, component, [nn.Parameter(zeros(1))])
    elif kind == "schedule":
        arguments = component.arguments
        taken = names.parameters(kind, component.type)
        for key, value in (("T_max", 10), ("max_lr", 0.1), ("total_steps", 10)):
            if key in taken and (key != "total_steps" or "epochs" not in arguments):
                arguments.setdefault(key, value)
        component.__pydantic_extra__ = arguments
        names.create(kind, component, optim.SGD([nn.Parameter(zeros(1))], lr=0.1, momentum=0.9))
    elif kind == "initialisation":
        shape = (2, 2, 2) if component.type == "dirac_" else (4, 4)
        names.function(kind, component.type)(zeros(shape), **component.arguments)
    else:
        names.create(kind, component)
