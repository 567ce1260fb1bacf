"""The runs below the folders that the board was started on, each with a number that requests name it by."""

from __future__ import annotations

import itertools
import os
import pathlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .bounds import cut
from .entry import Entry
from .files import is_plain_folder, read_object
from .refusal import Refusal

__all__ = ["Library"]

_MOST_RUNS = 5_000
_MOST_FACTORS = 20
# One look at everything takes no longer than this; the rest waits for the next.
_SECONDS = 1.0
# Where the commands put what they make, below the folder that they are called in.
_SHELVES = ("runs", "sweeps")


class Library:
    """All runs, looked at again by :meth:`refresh`, and only then: who does not ask causes no work.

    A folder may be a run, a sweep, hold runs and sweeps, or hold them in its folders ``runs`` and ``sweeps``. A run keeps
    its number as long as the board is up, also when its folder disappears and comes back. Links are not followed.
    """

    def __init__(self, folders: Iterable[str | os.PathLike]):
        self.folders = [pathlib.Path(folder).expanduser().resolve() for folder in folders]
        self._lock = threading.Lock()
        self._entries: dict[pathlib.Path, Entry] = {}
        self._present: list[Entry] = []
        self._looked = 0.0

    @property
    def home(self) -> pathlib.Path:
        """The folder that new runs are made in: the first one, or its folder ``runs`` where there is one.

        Where the first one is itself a run, a trial or a sweep, its neighbours.
        """
        folder = self.folders[0]
        if folder.parent.name == "trials" and _kind(folder.parent.parent) == "sweep":
            folder = folder.parent.parent
        if _kind(folder):
            return folder.parent
        return folder / "runs" if is_plain_folder(folder / "runs") else folder

    def refresh(self, at_most_every: float = 0.0) -> None:
        """Look for runs, and read on in their files."""
        with self._lock:
            if time.monotonic() - self._looked < at_most_every:
                return
            self._scan()
            until = time.monotonic() + _SECONDS
            for entry in sorted(self._present, key=lambda entry: entry.is_finished):
                with entry.lock:
                    entry.refresh(max(0.0, until - time.monotonic()))
            self._looked = time.monotonic()

    def entries(self) -> list[Entry]:
        """Return the runs that there are, the oldest first."""
        return list(self._present)

    def get(self, number: int) -> Entry:
        """Return the run of a number, read to the end of its files. Raises Refusal when there is none."""
        entry = next((entry for entry in self._present if entry.id == number), None)
        if entry is None or not is_plain_folder(entry.folder):
            raise Refusal(404, "run", f"there is no run {number}", "go back to the list of runs")
        entry.catch_up()
        return entry

    def take_in(self, folder: pathlib.Path) -> Entry | None:
        """Return the run of a folder, which is shown from now on wherever it lies; None where there is none."""
        self.refresh()
        if folder not in self._entries:
            self.folders.append(folder)
            self.refresh()
        return self._entries.get(folder)

    def _scan(self) -> None:
        found: dict[pathlib.Path, tuple[str | None, dict[str, str]]] = {}
        for folder in self.folders:
            for path, sweep, factors in _runs_of(folder):
                if len(found) < _MOST_RUNS:
                    found.setdefault(path, (sweep, factors))
        new = [path for path in found if path not in self._entries]
        for path in sorted(new, key=lambda path: (_age(path), str(path))):
            self._entries[path] = Entry(len(self._entries) + 1, path, *found[path])
        self._present = [entry for path, entry in self._entries.items() if path in found]


def _runs_of(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, str | None, dict[str, str]]]:
    """Give each run of a folder, with the name of its sweep and the levels of its factors."""
    kind = _kind(folder)
    if kind != "":
        yield from _of_kind(kind, folder)
        return
    for path in _folders_in(folder):
        kind = _kind(path)
        if kind == "" and path.name in _SHELVES:
            for below in _folders_in(path):
                yield from _of_kind(_kind(below), below)
        yield from _of_kind(kind, path)


def _of_kind(kind: str, folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, str | None, dict[str, str]]]:
    if kind == "run":
        yield folder, None, {}
    elif kind == "sweep":
        levels = _levels(folder)
        for path in _folders_in(folder / "trials"):
            if _kind(path) == "run":
                yield path, folder.name, levels.get(path.name, {})


def _kind(folder: pathlib.Path) -> str:
    for name, kind in (("sweep.json", "sweep"), ("recipe.yaml", "run")):
        if os.path.isfile(folder / name) and not os.path.islink(folder / name):
            return kind
    return ""


def _folders_in(folder: pathlib.Path) -> list[pathlib.Path]:
    if not is_plain_folder(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return [folder / e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except OSError:
        return []


_plans: dict[pathlib.Path, tuple[tuple[int, int, int], dict[str, dict[str, str]]]] = {}


def _levels(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    """Return the labels of each trial's factors, by the name of its folder; read once as long as the plan is the same."""
    try:
        status = os.lstat(folder / "sweep.json")
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        return {}
    if folder not in _plans or _plans[folder][0] != seen:
        _plans[folder] = seen, dict(_trials(read_object(folder, "sweep.json")))
    return _plans[folder][1]


def _trials(plan: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    trials = plan.get("trials")
    for trial in trials[:_MOST_RUNS] if isinstance(trials, list) else []:
        if isinstance(trial, dict) and type(trial.get("number")) is int and isinstance(trial.get("levels"), dict):
            levels = {cut(k): cut(v) for k, v in itertools.islice(trial["levels"].items(), _MOST_FACTORS)}
            yield f"{trial['number']:04d}", levels | {"seed": cut(trial.get("seed"))}


def _age(path: pathlib.Path) -> float:
    try:
        return os.lstat(path / "recipe.yaml").st_mtime
    except OSError:
        return time.time()
