"""A run's events as they come: only what was appended is read, whatever the file's length."""

from __future__ import annotations

import math
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, TypeGuard

import numpy as np

from ..errors import ArgumentError
from ..train.lines import load
from ..train.metrics import best_is_smallest, is_better
from . import findings
from .bounds import LONGEST_NAME, cut, fitting
from .files import open_plain
from .layers import Layers
from .series import CAPACITY, Series

__all__ = ["Follower", "is_number"]

_CHUNK = 1 << 20
_LONGEST_LINE = 2 << 20
# What of the bytes before the place read to is remembered, to see that they are still the same.
_TAIL = 64
_MOST_NAMES = 100
# So many courses have all their buckets, which a training of the lab does not reach; others have few.
_MOST_LONG, _FEW = 20, CAPACITY >> 5
_MOST_FINDINGS = 200
_MOST_OF_LIFE = 2_000
_LIFE = ("start", "resumed", "interrupted", "failed")
_OF_LIFE = ("event", "time", "host", "pid", "born")
_NO_SERIES = ("event", "time", "step")


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value from JSON is a number that a float can hold."""
    return (type(value) is float) or (type(value) is int and abs(value) < 1 << 1000)


class Follower:
    """What ``events.jsonl`` of a run says, read on by :meth:`poll`.

    ``series``: the epochs' figures by name; ``best``: the best of those whose name tells what is better; ``record``: the
    last epoch's; ``life``: the last event that tells whether the run is alive; ``findings``: the doctor's; ``layers``: the
    statistics. A file that was rewritten, as a resumed training does, is read again from its beginning; then
    ``generation`` is another. Lines that are torn or no JSON objects are passed over. What a file says beyond 100 names of
    at most 100 characters and 200 findings is passed over as well, so that a run costs bounded memory whatever it says.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.generation = 0
        self._forget()

    def _forget(self) -> None:
        self.generation += 1
        self.series: dict[str, Series] = {}
        self.best: dict[str, float] = {}
        self.record: dict[str, float] = {}
        self.life: dict[str, Any] = {}
        self.findings: list[dict[str, Any]] = []
        self.layers = Layers()
        self.started: float | None = None
        self.seconds = 0.0
        self._offset = 0
        self._tail = b""
        self._pending = b""
        self._skipping = False
        self._seen: tuple[int, int, int] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the last :meth:`poll` came to the end of the file."""
        return self._seen is None or self._seen[1] >= 0

    def poll(self, seconds: float = math.inf) -> bool:
        """Read what is new, for at most so many seconds; return whether there was anything."""
        try:
            status = os.lstat(self.folder / "events.jsonl")
        except OSError:
            status = None
        seen = None if status is None else (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen == self._seen:
            return False
        if seen is None:
            self._forget()
            return True
        try:
            with open_plain(self.folder, "events.jsonl") as file:
                if self._was_rewritten(file, seen):
                    self._forget()
                whole = self._read(file, time.monotonic() + seconds)
        except OSError:
            return False
        self._seen = seen if whole else (seen[0], -1, 0)
        return True

    def _was_rewritten(self, file: BinaryIO, seen: tuple[int, int, int]) -> bool:
        if self._seen is None:
            return False
        if seen[0] != self._seen[0] or seen[1] < self._offset:
            return True
        file.seek(self._offset - len(self._tail))
        return file.read(len(self._tail)) != self._tail

    def _read(self, file: BinaryIO, until: float) -> bool:
        """Read on; return whether all of it was read."""
        file.seek(self._offset)
        while chunk := file.read(_CHUNK):
            self._offset += len(chunk)
            self._tail = (self._tail + chunk)[-_TAIL:]
            *lines, rest = chunk.split(b"\n")
            if lines:
                lines[0] = b"" if self._skipping else self._pending + lines[0]
                self._pending, self._skipping = rest, False
                self._take(lines)
            else:
                self._pending += rest
            if len(self._pending) > _LONGEST_LINE:
                self._pending, self._skipping = b"", True
            if time.monotonic() > until:
                return False
        return True

    def _take(self, lines: list[bytes]) -> None:
        courses: dict[str, tuple[list[float], list[float]]] = {}
        last: dict[str, Any] = {}
        for line in lines:
            event = _event(line)
            kind = event.get("event")
            if kind == "epoch":
                step = event.get("step")
                if is_number(step) and math.isfinite(step):
                    last = event
                    self._take_epoch(step, event, courses)
            elif kind == "statistics":
                self.layers.add(event)
            elif kind == "finding" and len(self.findings) < _MOST_FINDINGS:
                self.findings.append(findings.kept(event))
            elif kind in _LIFE:
                self._take_life(event)
        for name, (steps, values) in courses.items():
            self._enter(name, steps, np.array(values, np.float64))
        if last:
            names = ("step", *self.series)
            self.record = {name: last[name] for name in names if name in last and is_number(last[name])}
        self.layers.flush()

    def _take_epoch(self, step: float, event: Mapping[str, Any], courses: dict[str, Any]) -> None:
        for name, value in event.items():
            if type(value) is float or is_number(value):
                course = courses.get(name)
                if course is None:
                    if name in _NO_SERIES or not self._has_room(name, courses):
                        continue
                    course = courses[name] = [], []
                course[0].append(step)
                course[1].append(value)

    def _enter(self, name: str, steps: list[float], values: np.ndarray) -> None:
        if name not in self.series:
            self.series[name] = Series(CAPACITY if len(self.series) < _MOST_LONG else _FEW)
        self.series[name].extend(steps, values)
        finite = values[np.isfinite(values)]
        if name == "seconds":
            with np.errstate(over="ignore"):
                self.seconds += float(finite.sum())
        smallest = _direction(name)
        if smallest is not None and finite.size:
            best = float(finite.min() if smallest else finite.max())
            if is_better(best, self.best.get(name), smallest):
                self.best[name] = best

    def _has_room(self, name: str, courses: Mapping[str, Any]) -> bool:
        if name in self.series:
            return True
        return len(name) <= LONGEST_NAME and len(self.series.keys() | courses.keys()) < _MOST_NAMES

    def _take_life(self, event: dict[str, Any]) -> None:
        reason = {"reason": cut(event["reason"], 1_000)} if "reason" in event else {}
        self.life = fitting({name: event[name] for name in _OF_LIFE if name in event} | reason, _MOST_OF_LIFE)
        moment = event.get("time")
        if self.started is None and is_number(moment) and math.isfinite(moment):
            self.started = float(moment)


def _event(line: bytes) -> dict[str, Any]:
    try:
        value = load(line.decode("utf-8", "replace")) if line else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_directions: dict[str, bool | None] = {}


def _direction(name: str) -> bool | None:
    """Return whether the smallest is the best, None where the name does not tell."""
    if name not in _directions:
        if len(_directions) > 10_000:
            _directions.clear()
        try:
            _directions[name] = best_is_smallest(name)
        except ArgumentError:
            _directions[name] = None
    return _directions[name]
