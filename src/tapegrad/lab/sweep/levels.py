"""What ``--vary`` says: factors with their levels, or the ranges that random trials are drawn from."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Sequence

from ...errors import ArgumentError

__all__ = ["Factor", "Level", "Range", "parse_factor", "parse_seeds", "split_top"]

_EXAMPLE = "write KEY=LEVEL,LEVEL,... such as optimizer.lr=1e-2,1e-3"
_PAIRS = {"[": "]", "{": "}", "(": ")"}
_DRAWN_DIGITS = 4
_LARGEST_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Level:
    """One setting of a factor: what it is called, and the overrides that make it."""

    label: str
    overrides: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Range:
    """Where random trials take a key's value from: ``log``, ``uniform`` or ``int`` between two bounds, both included."""

    kind: str
    low: float
    high: float

    def draw(self, generator: random.Random) -> str:
        """Return a value as text, with four significant digits, so that the label is the very value."""
        if self.kind == "int":
            return str(generator.randint(int(self.low), int(self.high)))
        if self.kind == "log":
            value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = generator.uniform(self.low, self.high)
        return repr(float(f"{value:.{_DRAWN_DIGITS}g}"))


@dataclasses.dataclass(frozen=True)
class Factor:
    """What is varied: its name, the keys that it sets, and its levels, or a range to draw from.

    ``own`` is the label of the level that the recipe has by itself; None where there is none (grids, random trials).
    """

    name: str
    keys: tuple[str, ...]
    levels: tuple[Level, ...] = ()
    range: Range | None = None
    own: str | None = None

    def level(self, label: str) -> Level:
        """Return the level of this label."""
        return next(level for level in self.levels if level.label == label)


def parse_factor(text: str) -> Factor:
    """Return the factor that ``[NAME:] KEY=LEVEL,LEVEL,...`` describes.

    A level is YAML, in which commas inside brackets and quotes do not count; ``LABEL=VALUE`` gives it a name. Several
    keys, separated by semicolons, vary together: their first levels, their second ones, and so on.

    >>> factor = parse_factor("network: model.layers=small=[784, 100, 10],large=[784, 400, 10]")
    >>> factor.name, [level.label for level in factor.levels]
    ('network', ['small', 'large'])
    >>> parse_factor("optimizer.lr=0.1,0.01; optimizer.momentum=0,0.9").levels[1]
    Level(label='0.01, 0.9', overrides=('optimizer.lr=0.01', 'optimizer.momentum=0.9'))
    >>> parse_factor("optimizer.lr=log:1e-4..1e-1").range
    Range(kind='log', low=0.0001, high=0.1)
    """
    named = re.match(r"\s*([^=\[\]{}\"']+?)\s*:\s+(?=\S[^=]*=)", text)
    name = named[1] if named else None
    groups = [_parse_key(part, text) for part in split_top(text[named.end() :] if named else text, ";", text)]
    keys = tuple(key for key, _ in groups)
    if len(set(keys)) < len(keys):
        raise _error(f"'{text}' names a key twice", "name each key once")
    name = name or " + ".join(keys)
    drawn = _range(groups[0][1])
    if drawn is not None:
        if len(groups) > 1:
            raise _error(f"'{text}' draws a range together with another key", "give the range a --vary of its own")
        return Factor(name, keys, range=drawn)
    counts = {len(values) for _, values in groups}
    if len(counts) > 1:
        said = ", ".join(f"{key} has {len(values)}" for key, values in groups)
        raise _error(f"keys that vary together need equally many levels, but {said}", "give each as many")
    rows = zip(*(values for _, values in groups), strict=True)
    levels = [_level(keys, [_labelled(value) for value in row]) for row in rows]
    labels = [level.label for level in levels]
    for label in labels:
        if labels.count(label) > 1:
            raise _error(f"the level '{label}' of {name} is there twice", "leave one out, or give them labels")
    return Factor(name, keys, tuple(levels))


def parse_seeds(text: str | None, own: int) -> tuple[int, ...]:
    """Return the seeds: a number of them, counted from the recipe's ``own``, or a list such as ``0,1,7``.

    >>> parse_seeds("3", 0), parse_seeds("0,1,7", 0), parse_seeds("5,", 0), parse_seeds(None, 4)
    ((0, 1, 2), (0, 1, 7), (5,), (4,))
    """
    if text is None:
        return (own,)
    words = [word.strip() for word in text.split(",")]
    words = words[:-1] if len(words) > 1 and not words[-1] else words
    if not all(re.fullmatch(r"[0-9]{1,10}", word) for word in words):
        raise ArgumentError("--seeds", f"'{text}' is neither a number nor a list of seeds", "write 5, or 0,1,7")
    numbers = [int(word) for word in words]
    if "," not in text:
        if not 1 <= numbers[0] <= 10_000:
            raise ArgumentError("--seeds", f"{numbers[0]} is not a number of seeds", "give 1 to 10000, or a list")
        numbers = [own + i for i in range(numbers[0])]
    if len(set(numbers)) < len(numbers):
        raise ArgumentError("--seeds", f"'{text}' names a seed twice", "name each once")
    if max(numbers) > _LARGEST_SEED:
        raise ArgumentError("--seeds", f"{max(numbers)} is too large for a seed", f"stay below {_LARGEST_SEED + 1}")
    return tuple(numbers)


def split_top(text: str, separator: str, whole: str | None = None) -> list[str]:
    """Split at a separator where it stands outside brackets and quotes; the parts are stripped.

    >>> split_top("[784, 100], {type: SGD, lr: 0.1}, 'a,b'", ",")
    ['[784, 100]', '{type: SGD, lr: 0.1}', "'a,b'"]
    """
    parts, current, closing, quote = [], "", [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and current.rstrip()[-1:] in "[{(,:=":
            quote = character
        elif character in _PAIRS:
            closing.append(_PAIRS[character])
        elif character in _PAIRS.values():
            if not closing or closing.pop() != character:
                raise _error(f"'{whole or text}' has a '{character}' too many", "match the brackets")
        elif character == separator and not closing:
            parts.append(current.strip())
            current = ""
            continue
        current += character
    if quote or closing:
        raise _error(f"'{whole or text}' has no closing {quote or closing[-1]}", "match brackets and quotes")
    return [*parts, current.strip()]


def _parse_key(text: str, whole: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[^\s:,\[\]{}\"']+", key):
        raise _error(f"'{whole}' is no KEY=LEVEL,LEVEL,...", _EXAMPLE)
    if key == "seed":
        raise _error("the seed is no factor", "repeat trials with --seeds 5 or --seeds 0,1,7")
    found = split_top(values, ",", whole)
    if not all(found):
        raise _error(f"'{whole}' has an empty level", _EXAMPLE)
    return key, found


def _range(values: list[str]) -> Range | None:
    matches = [re.fullmatch(r"(log|uniform|int):\s*(\S+?)\s*\.\.\s*(\S+)", value) for value in values]
    match = next(filter(None, matches), None)
    if match is None:
        return None
    text = match[0]
    if len(values) > 1:
        raise _error(f"the range {text} stands beside other levels", "give a range, or levels")
    try:
        low, high = (int(word) if match[1] == "int" else float(word) for word in match.groups()[1:])
    except ValueError:
        raise _error(f"the bounds of {text} are no numbers", "write such as log:1e-4..1e-1 or int:16..512") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _error(f"{text} is an empty range", "put the smaller bound first")
    if match[1] == "log" and low <= 0:
        raise _error(f"{text} starts at {low:g}, which has no logarithm", "start above zero")
    return Range(match[1], low, high)


def _labelled(text: str) -> tuple[str, str]:
    """Return label and value of ``LABEL=VALUE`` or ``VALUE``."""
    match = re.match(r"([^=\[\]{}\"',:]+?)\s*=\s*(?=\S)", text)
    return (match[1], text[match.end() :]) if match else (text, text)


def _level(keys: Sequence[str], values: Sequence[tuple[str, str]]) -> Level:
    labels = [label for label, _ in values]
    given = [label for label, value in values if label != value]
    overrides = tuple(f"{key}={value}" for key, (_, value) in zip(keys, values, strict=True))
    return Level(given[0] if given else ", ".join(dict.fromkeys(labels)), overrides)


def _error(what: str, fix: str) -> ArgumentError:
    return ArgumentError("--vary", what, fix)
