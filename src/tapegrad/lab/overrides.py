"""Changes to a configuration from the command line: ``optimizer.lr=0.01``."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ConfigError, FileFormatError
from .arguments import show
from .components import place_of
from .schema import Config, Model
from .yaml import Path, read_yaml

__all__ = ["Override", "apply_overrides", "origin", "parse_override", "parse_overrides"]

# Components that there are without being written.
_DEFAULTS: dict[Path, str] = {
    ("loss",): Config.model_fields["loss"].default.type,
    ("model", "activation"): Model.model_fields["activation"].default,
}


@dataclasses.dataclass(frozen=True)
class Override:
    """One change: its text, the path that it goes to, and the value."""

    text: str
    path: Path
    value: Any


def parse_override(text: str) -> Override:
    """Return what ``key.path=value`` says; the value is YAML, and numbers in the path count items of lists.

    Raises ConfigError when it has another form.

    >>> parse_override("model.layers=[784, 10]")
    Override(text='model.layers=[784, 10]', path=('model', 'layers'), value=[784, 10])
    """
    who = _who(text)
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals:
        raise ConfigError(who, "has no '='", "write key=value, such as optimizer.lr=0.01")
    if not all(parts) or len(parts) > 20:
        raise ConfigError(who, f"'{key}' is no key", "write names with dots between them, such as optimizer.lr")
    path = tuple(int(part) if re.fullmatch("[0-9]{1,9}", part) else part for part in parts)
    if not value.strip():
        return Override(text, path, None)
    try:
        return Override(text, path, read_yaml(value, "value").data)
    except FileFormatError as error:
        raise ConfigError(who, f"the value is not YAML: {error.what}", error.fix) from None


def apply_overrides(data: dict[str, Any], overrides: Iterable[str | Override]) -> dict[str, Any]:
    """Return a copy of plain data with the changes made, one after the other.

    Mappings on the way are made where there are none, and a component that is written as a name becomes a mapping.
    Raises ConfigError, naming every override that does not fit the data.

    >>> apply_overrides({"optimizer": "Adam"}, ["optimizer.lr=1e-2", "training.epochs=3"])
    {'optimizer': {'type': 'Adam', 'lr': 0.01}, 'training': {'epochs': 3}}
    """
    changed = copy.deepcopy(data)
    wrong: list[ConfigError] = []
    for override in parse_overrides(overrides):
        try:
            changed = _set(changed, override, 0)
        except ConfigError as error:
            wrong.append(error)
    _raise_all(wrong)
    return changed


def parse_overrides(texts: Iterable[str | Override]) -> list[Override]:
    """Return what several overrides say. Raises ConfigError, naming every one that has another form."""
    found: list[Override] = []
    wrong: list[ConfigError] = []
    for text in texts:
        try:
            found.append(parse_override(text) if isinstance(text, str) else text)
        except ConfigError as error:
            wrong.append(error)
    _raise_all(wrong)
    return found


def _raise_all(wrong: list[ConfigError]) -> None:
    if wrong:
        raise ConfigError(wrong[0].who, wrong[0].what, wrong[0].fix, [str(error) for error in wrong[1:]])


def _set(holder: Any, override: Override, depth: int) -> Any:
    """Return the holder at a depth of the override's path, with the value set in it."""
    if depth == len(override.path):
        return copy.deepcopy(override.value)
    here, part = override.path[:depth], override.path[depth]
    if isinstance(holder, list):
        return _set_item(holder, override, depth)
    if holder is None:
        # A number counts items, and there are none.
        if isinstance(part, int):
            return _set_item([], override, depth)
        holder = {"type": _DEFAULTS[here]} if here in _DEFAULTS else {}
    if isinstance(holder, str) and place_of(here) is not None:
        holder = {"type": holder}
    if not isinstance(holder, dict):
        name = ".".join(map(str, here)) or "the file"
        raise ConfigError(
            _who(override.text), f"{name} is {show(holder)}, and has no key '{part}'", "change it as a whole"
        )
    key = str(part)
    holder[key] = _set(holder.get(key), override, depth + 1)
    return holder


def _set_item(holder: list[Any], override: Override, depth: int) -> list[Any]:
    part, name = override.path[depth], ".".join(map(str, override.path[:depth]))
    if not isinstance(part, int) or part >= len(holder):
        last = len(holder) - 1
        numbers = f"its items are numbered 0 to {last}" if holder else "it is empty"
        who = _who(override.text)
        raise ConfigError(who, f"'{part}' is no item of the list {name}: {numbers}", f"or give the list: {name}=[...]")
    holder[part] = _set(holder[part], override, depth + 1)
    return holder


def _who(text: str) -> str:
    return f"override '{text if len(text) <= 100 else text[:97] + '...'}'"


def origin(path: Path, overrides: Sequence[Override]) -> tuple[str, int] | None:
    """Return the last override that has a say about a path, as messages call it, with its number; None if none has."""
    here = tuple(map(str, path))
    for number in reversed(range(len(overrides))):
        # A number in an override counts items, or is a key where there is a mapping.
        changed = tuple(map(str, overrides[number].path))
        if here[: len(changed)] == changed or (here and changed[: len(here)] == here):
            return _who(overrides[number].text), number
    return None
