"""Numbers with their sources: each is a place in a file of a run, or follows by a named rule from such places."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import os
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import FileFormatError
from ...train.lines import dump, load, read_lines

__all__ = ["RULES", "Fact", "Facts", "Files", "pointer", "resolve"]


def pointer(keys: Sequence[Any]) -> str:
    """Return a JSON pointer (RFC 6901): /epoch/12/valid_loss. ``*`` stands for all entries.

    >>> pointer(["layers", "fc1/a", 0])
    '/layers/fc1~1a/0'
    """
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


class Files:
    """The files of a folder as trees of lists and mappings; what is not there is None.

    Events are grouped by their kind, ``/epoch/12/loss`` being the loss of the 13th report, and rows of CSV files are
    counted from 0. Raises FileFormatError for a damaged file.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._trees: dict[str, Any] = {}

    def tree(self, name: str) -> Any:
        """Return what a file holds."""
        if name not in self._trees:
            path = self.folder / name
            self._trees[name] = _read(path) if path.is_file() else None
        return self._trees[name]

    def get(self, name: str, place: str) -> Any:
        """Return the value at a pointer, a list of them where it has a ``*``, or None."""
        return _at(self.tree(name), [key.replace("~1", "/").replace("~0", "~") for key in place.split("/")[1:]])


def _at(tree: Any, keys: Sequence[str]) -> Any:
    for i, key in enumerate(keys):
        if key == "*":
            entries = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
            return [found for entry in entries if (found := _at(entry, keys[i + 1 :])) is not None]
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree


def _read(path: pathlib.Path) -> Any:
    if path.suffix == ".jsonl":
        return _events(path)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            value = load(text)
            if not isinstance(value, dict):
                raise ValueError(f"it holds a {type(value).__name__}")
            return value
        if path.suffix == ".csv":
            return [{k: _number(v) for k, v in row.items()} for row in csv.DictReader(io.StringIO(text))]
    except (ValueError, RecursionError) as error:
        raise FileFormatError(str(path), f"cannot be read ({error})", "restore it, or train again") from None
    from ..yaml import read_yaml

    return read_yaml(text, str(path)).data


def _events(path: pathlib.Path) -> dict[str, list]:
    """Return events by kind; of those that a resumed training repeated, the last."""
    grouped: dict[str, dict] = {}
    for number, event in enumerate(read_lines(path)):
        kind = event.get("event")
        if isinstance(kind, str):
            step = event.get("step") if kind in ("epoch", "statistics") else None
            grouped.setdefault(kind, {})[number if step is None else ("step", step)] = event
    return {kind: list(events.values()) for kind, events in grouped.items()}


def _number(text: Any) -> Any:
    try:
        return float(text) if any(c in text for c in ".enaif") else int(text)
    except (TypeError, ValueError):
        return text


# -- rules --------------------------------------------------------------------------------------------------------------


def _wilson(share: float, count: int, side: int) -> float:
    """Return an end of the 95 % interval of a share (E. Wilson, 1927)."""
    z = 1.959963984540054
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle + side * spread) / (1 + z * z / count)


def _permutations(first: list[float], second: list[float]) -> float:
    """Return the share of all ways to deal the values out anew whose means differ at least as much: an exact p-value."""
    values, size = [*first, *second], len(first)
    observed = abs(statistics.fmean(first) - statistics.fmean(second))
    total, count, extreme = math.fsum(values), 0, 0
    for chosen in itertools.combinations(values, size):
        part = math.fsum(chosen)
        difference = abs(part / size - (total - part) / (len(values) - size))
        count += 1
        extreme += difference >= observed * (1 - 1e-9)
    return extreme / count


RULES: dict[str, Callable[..., Any]] = {
    "difference": lambda a, b: a - b,
    "ratio": lambda a, b: a / b,
    "share": lambda a, values: a / sum(values),
    "sum": lambda values: sum(values),
    "count": lambda values: len(values),
    "mean": lambda values: statistics.fmean(values),
    "standard deviation": lambda values: statistics.stdev(values),
    "smallest": lambda values: min(values),
    "largest": lambda values: max(values),
    "product": lambda a, b: a * b,
    "lower end of the 95 % interval": lambda share, count: _wilson(share, count, -1),
    "upper end of the 95 % interval": lambda share, count: _wilson(share, count, 1),
    "exact permutation test": _permutations,
}


# -- facts --------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Fact:
    """A value with its name, which says where it is from.

    That of a place is ``file#/pointer``. A fact that follows from others has a ``rule`` of :data:`RULES`, or says
    ``default``, and ``of``: the names of what it follows from (a list for a rule that takes several values).
    """

    name: str
    value: Any
    rule: str = ""
    of: tuple[Any, ...] = ()

    @property
    def source(self) -> str:
        """Where the value is from, in words."""
        if not self.rule:
            return self.name
        return f"{self.rule}: {_listed(self.of)}"


def _listed(names: Sequence[Any]) -> str:
    return "; ".join(", ".join(name) if isinstance(name, (list, tuple)) else str(name) for name in names)


class Facts:
    """The facts of a report, each once, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.found: dict[str, Fact] = {}

    def __len__(self) -> int:
        return len(self.found)

    def read(self, files: Files, file: str, *keys: Any, prefix: str = "") -> Fact | None:
        """Return the fact at a place, or None when there is nothing."""
        place = pointer(keys)
        value = files.get(file, place)
        if value is None:
            return None
        return self._keep(Fact(f"{prefix}{file}#{place}", value))

    def default(self, name: str, value: Any, of: str) -> Fact:
        """Return a setting that no file names: the default of what ``of`` says."""
        return self._keep(Fact(name, value, "default", (of,)))

    def derive(self, rule: str, *of: Any) -> Fact | None:
        """Return what follows by a rule from facts, or lists of them; None when one is None or the rule has no answer."""
        flat = [fact for entry in of for fact in (entry if isinstance(entry, (list, tuple)) else [entry])]
        if any(fact is None for fact in flat):
            return None
        values = [[f.value for f in entry] if isinstance(entry, (list, tuple)) else entry.value for entry in of]
        names = tuple([f.name for f in entry] if isinstance(entry, (list, tuple)) else entry.name for entry in of)
        try:
            value = RULES[rule](*values)
        except (ValueError, ZeroDivisionError, TypeError, OverflowError, statistics.StatisticsError):
            return None
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return self._keep(Fact(f"{rule}({_listed(names)})", value, rule, names))

    def _keep(self, fact: Fact) -> Fact:
        return self.found.setdefault(fact.name, fact)

    def to_json(self, folders: dict[str, str]) -> str:
        """Return all facts: name, value and, where it is no place in a file, rule and what it follows from.

        ``folders`` says where the files of names that begin with its keys are.
        """
        rows = []
        for fact in self.found.values():
            row: dict[str, Any] = {"name": fact.name, "value": fact.value}
            rows.append({**row, "rule": fact.rule, "of": list(fact.of)} if fact.rule else row)
        return dump({"folders": folders, "facts": rows}, indent=1) + "\n"


def resolve(name: str, folders: Mapping[str, str | os.PathLike]) -> Any:
    """Return what a fact's name points to, its folder being that of the longest key of ``folders`` that begins it.

    This is how a reader checks a report.
    """
    label = max((key for key in folders if name.startswith(key)), key=len)
    file, _, place = name.removeprefix(label).partition("#")
    return Files(pathlib.Path(folders[label])).get(file, place)
