"""Mistakes in a configuration: what is wrong where, and the message that says so."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import ConfigError
from .arguments import show
from .nearest import nearest
from .schema import BaseModel, Component, Config, Optimizer, Section, ValidationError
from .yaml import Path

__all__ = ["Place", "Problem", "dotted", "of_validation", "raise_problems"]

# Where a path stands: what to call the place, and how to sort it.
Place = tuple[str, tuple[int, ...]]

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "is not greater than"),
    "greater_than_equal": ("ge", "is less than"),
    "less_than": ("lt", "is not less than"),
    "less_than_equal": ("le", "is more than"),
}
_MISSING = {
    "data": "write data: {set: mnist}",
    "model": "write model: {layers: [784, 100, 10]}",
    "optimizer": "write optimizer: {type: Adam, lr: 0.001}",
    "training": "write training: {epochs: 10}",
    "set": "name the data set, such as mnist",
    "type": "name the class, such as type: EXAMPLE",
    "parameters": 'write a pattern, such as parameters: "fc1.*"',
}
_EXAMPLES = {
    "optimizer": "Adam",
    "schedule": "StepLR",
    "loss": "CrossEntropyLoss",
    "layers": "Linear",
    "metrics": "accuracy",
}


@dataclasses.dataclass
class Problem:
    """What is wrong with the value of a path (with its key, when ``key``), and what to do."""

    path: Path
    what: str
    fix: str = ""
    key: bool = False


def dotted(path: Path) -> str:
    """Return a path as messages and overrides write it: ``model.layers.0.p``."""
    return ".".join(map(str, path))


def raise_problems(problems: Iterable[Problem], place: Callable[[Path, bool], Place]) -> None:
    """Raise one ConfigError for all problems, in the order of the file; do nothing when there are none."""
    found = []
    for problem in problems:
        where, order = place(problem.path, problem.key)
        who = f"{where}: {dotted(problem.path)}" if problem.path else where
        found.append((order, len(found), who, problem))
    if not found:
        return
    (_, _, who, first), *others = sorted(found, key=lambda f: f[:2])
    lines = [str(ConfigError(w, p.what, p.fix)) for _, _, w, p in others]
    raise ConfigError(who, first.what, first.fix, list(dict.fromkeys(lines))) from None


# -- what pydantic finds ----------------------------------------------------------------------------------------------


def of_validation(error: ValidationError, data: Any) -> list[Problem]:
    """Return the problems that pydantic found in plain data, one for each value."""
    found: dict[Path, list[Any]] = {}
    for entry in error.errors(include_url=False):
        path = _path_in(data, entry["loc"], entry["type"])
        found.setdefault(path, []).append(entry)
    # A value that several forms are allowed for is judged by the form that it comes nearest to.
    nested = {path[:i] for path in found for i in range(len(path))}
    kept = {path: entries for path, entries in found.items() if path not in nested or entries[0]["type"] == "missing"}
    # A key that is written wrongly is one mistake, not an unknown one and a missing one.
    misspelt = {(*path[:-1], _meant(path)) for path, entries in kept.items() if entries[0]["type"] == "extra_forbidden"}
    return [
        problem
        for path, entries in kept.items()
        if entries[0]["type"] != "missing" or (*path[:-1], f"did you mean '{path[-1]}'?") not in misspelt
        for problem in _problems(path, entries)
    ]


def _path_in(data: Any, location: tuple[str | int, ...], kind: str) -> Path:
    """Return the path in the data: pydantic adds the names of alternatives to its locations."""
    path: Path = ()
    for i, part in enumerate(location):
        known = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if known:
            path, data = (*path, part), data[part]  # type: ignore[index]
        elif kind == "missing" and i == len(location) - 1:
            path = (*path, part)
    return path


def _problems(path: Path, entries: list[Any]) -> Iterable[Problem]:
    kinds = [entry["type"] for entry in entries]
    entry = entries[0]
    if "missing" in kinds:
        key = str(path[-1])
        holder = next((str(p) for p in reversed(path[:-1]) if isinstance(p, str)), "")
        fix = _MISSING.get(key, "write it").replace("EXAMPLE", _EXAMPLES.get(holder, "ReLU"))
        yield Problem(path[:-1], f"the key '{key}' is missing", fix)
    elif "extra_forbidden" in kinds:
        yield _unknown_key(path)
    elif bound := next((e for e in entries if e["type"] in _BOUNDS), None):
        name, words = _BOUNDS[bound["type"]]
        yield Problem(path, f"{show(bound['input'])} {words} {_number(bound['ctx'][name])}")
    elif "finite_number" in kinds:
        yield Problem(path, f"{show(entry['input'])} is not finite", "write a number")
    else:
        yield _wrong_type(path, entries)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _wrong_type(path: Path, entries: list[Any]) -> Problem:
    value = entries[0]["input"]
    words: list[str] = []
    choices: list[str] = []
    section = section_at(path)
    for entry in entries:
        if entry["type"] == "literal_error":
            choices += re.findall(r"'([^']*)'", entry["ctx"]["expected"])
        elif entry["type"] == "model_type" and section is not None and issubclass(section, Component):
            words.append("a name or a mapping with the key 'type'")
        else:
            words.append(_WANTED.get(entry["type"], "another value"))
    if len(words) > 1 and any("'type'" in word for word in words):
        words = [word for word in words if word != "text"]
    words += [f"'{choice}'" for choice in choices]
    what = f"{show(value)} where {' or '.join(dict.fromkeys(words))} is expected"
    if isinstance(value, str) and choices and words and nearest(value, choices).startswith("did you"):
        return Problem(path, what, nearest(value, choices))
    return Problem(path, what, _remedy(value, words, section))


def _remedy(value: Any, words: list[str], section: type[BaseModel] | None) -> str:
    numeric = {"a number", "a whole number"} & set(words)
    if isinstance(value, str) and numeric and re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", value, re.I):
        return "leave out the quotes"
    if isinstance(value, str) and "true or false" in words:
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower())
        return f"did you mean {meant}?" if meant else ""
    if words == ["text"] and isinstance(value, (int, float)):
        return "put it in quotes"
    if "a list" in words and (words == ["a list"] or isinstance(value, dict)):
        return "put it into [ ]"
    if words == ["a mapping"] and section is not None:
        return f"known keys: {', '.join(section.model_fields)}"
    return ""


def _unknown_key(path: Path) -> Problem:
    return Problem(path, "unknown key", _meant(path), key=True)


def _meant(path: Path) -> str:
    key, section = str(path[-1]), section_at(path[:-1])
    homes = [f"'{home}'" if home else "the top level" for home in _homes().get(key, [])]
    if 1 <= len(homes) <= 2:
        return f"it belongs to {' or to '.join(homes)}"
    return nearest(key, section.model_fields if section is not None else ())


# -- the schema's tree ------------------------------------------------------------------------------------------------


def section_at(path: Path) -> type[BaseModel] | None:
    """Return the class of the mapping (or of the items of the list) at a path of the schema, or None."""
    here: type[BaseModel] | None = Config
    for part in path:
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part) if here is not None else None
        here = _model_of(field.annotation) if field is not None else None
    return here


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_of, typing.get_args(annotation)) if m is not None), None)


@functools.cache
def _homes() -> dict[str, list[str]]:
    """Each key of the schema with the sections that know it."""
    found: dict[str, list[str]] = {}

    def walk(section: type[BaseModel], path: str) -> None:
        for name, field in section.model_fields.items():
            found.setdefault(name, []).append(path)
            inner = _model_of(field.annotation)
            if inner is not None and issubclass(inner, (Section, Optimizer)):
                walk(inner, f"{path}.{name}".lstrip("."))

    walk(Config, "")
    return found
