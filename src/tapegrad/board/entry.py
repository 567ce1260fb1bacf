"""One run as the board shows it: its row in the table and the details of its page."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..errors import FileFormatError
from ..lab.config import with_defaults
from ..lab.overview import flatten
from ..lab.yaml import read_yaml
from ..train.process import is_running
from . import findings
from .bounds import cut, fitting
from .checkpoints import Checkpoints
from .files import read_object, read_text
from .follow import Follower, is_number
from .refusal import Refusal, told
from .wording import model_text

__all__ = ["Entry"]

_NO_METRICS = ("epoch", "epochs", "step", "steps", "rate", "seconds")
_MOST_RECIPE = 1_000_000
# What of a recipe's keys stands in the table, and of other files on the page, by the count of :func:`fitting`.
_MOST_CONFIG, _MOST_DETAILS = 20_000, 500_000
_MOST_FIGURES = 200
# Seconds that the lock is held for reading on.
_SLICE = 0.25
# A run without a word may still be reading its data.
_NEWBORN = 60.0


class _Kept:
    """What was made of a file, as long as the file is the same."""

    def __init__(self) -> None:
        self.seen: tuple[int, int, int] | None = None
        self.value: Any = None


class Entry:
    """A run: its number, folder, and what is known of it since the last :meth:`refresh`."""

    def __init__(self, number: int, folder: pathlib.Path, sweep: str | None, factors: Mapping[str, str]):
        self.id = number
        # Held while anything of it is read on or told.
        self.lock = threading.RLock()
        self.folder = folder
        self.name = f"{sweep}/{folder.name}" if sweep is not None else folder.name
        self.sweep = sweep
        self.factors = dict(factors)
        self.follower = Follower(folder)
        self.checkpoints = Checkpoints(folder)
        self.version = 0
        self.status = "interrupted"
        self._recipe, self._result = _Kept(), _Kept()

    @property
    def is_finished(self) -> bool:
        """Whether it had a result when it was last looked at."""
        return self._result.seen is not None

    def refresh(self, seconds: float = float("inf")) -> None:
        """Read on; ``version`` is another afterwards when anything is."""
        changed = self._renew(self._recipe, "recipe.yaml", self._read_recipe)
        changed |= self._renew(self._result, "result.json", self._read_result)
        changed |= self.follower.poll(seconds)
        status = self._status()
        if changed or status != self.status:
            self.status = status
            self.version += 1

    def catch_up(self) -> None:
        """Read on to the end, a little at a time, so that others get their answers meanwhile."""
        whole = False
        while not whole:
            with self.lock:
                self.refresh(_SLICE)
                whole = self.follower.is_whole
            time.sleep(0)

    def _renew(self, kept: _Kept, name: str, read: Any) -> bool:
        try:
            status = os.lstat(self.folder / name)
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            seen = None
        if seen == kept.seen:
            return False
        kept.seen, kept.value = seen, read()
        return True

    def _read_recipe(self) -> dict[str, Any]:
        text = read_text(self.folder, "recipe.yaml", most=_MOST_RECIPE)
        try:
            data = read_yaml(text or "", "recipe.yaml").data
        except FileFormatError:
            data = {}
        data = data if isinstance(data, dict) else {}
        # Trials' recipes leave out what is the default; beside a run that writes it down they would seem to differ.
        return {
            "text": text or "",
            "data": data,
            "config": fitting(flatten(with_defaults(data) if self.sweep else data), _MOST_CONFIG),
        }

    def _read_result(self) -> dict[str, Any]:
        text = read_object(self.folder, "result.json")
        return fitting({k: v for k, v in text.items() if is_number(v)}, _MOST_CONFIG, _MOST_FIGURES)

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe's ``text``, its ``data``, and ``config``: the same with one key for each path."""
        return self._recipe.value or {"text": "", "data": {}, "config": {}}

    @property
    def figures(self) -> dict[str, float]:
        """The numbers of the result, empty before there is one."""
        return self._result.value or {}

    def _status(self) -> str:
        if self.is_finished:
            return "finished"
        life = self.follower.life
        if life.get("event") == "failed":
            return "failed"
        if not life:
            return "running" if time.time() - self._made() < _NEWBORN else "interrupted"
        alive = life.get("event") in ("start", "resumed") and is_running(life, self._silence())
        return "running" if alive else "interrupted"

    def _silence(self) -> float:
        written = 0.0
        for name in ("events.jsonl", "checkpoints/last.safetensors"):
            try:
                written = max(written, os.lstat(self.folder / name).st_mtime)
            except OSError:
                continue
        return time.time() - written

    # -- what is shown ----------------------------------------------------------------------------------------------

    def row(self) -> dict[str, Any]:
        """Return the run's row in the table of runs."""
        with self.lock:
            return self._row()

    def _row(self) -> dict[str, Any]:
        follower, figures, config = self.follower, self.figures, self.recipe["config"]
        record = follower.record
        metrics = {k: v for k, v in record.items() if k not in _NO_METRICS}
        metrics |= {k: v for k, v in figures.items() if k.startswith("test_")}
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "started": follower.started if follower.started is not None else self._made(),
            "seconds": figures.get("seconds", round(follower.seconds, 3)),
            "epoch": figures.get("epochs", record.get("epoch", 0)),
            "epochs": config.get("training.epochs"),
            "step": figures.get("steps", record.get("step", 0)),
            "steps": config.get("training.steps"),
            "set": cut(config.get("data.set", "")),
            "model": model_text(self.recipe["data"]),
            "metrics": metrics,
            "best": dict(follower.best),
            "config": config,
            "sweep": self.sweep,
            "factors": self.factors,
            "findings": len(follower.findings),
        }

    def _made(self) -> float:
        try:
            return os.lstat(self.folder / "recipe.yaml").st_mtime
        except OSError:
            return 0.0

    def details(self) -> dict[str, Any]:
        """Return all that the run's page begins with."""
        with self.lock:
            return self._details()

    def _details(self) -> dict[str, Any]:
        data = self._read("data.json")
        checkpoints, unreadable = self._checkpoints()
        life = self.follower.life
        return {
            **self.row(),
            "recipe": self.recipe["text"],
            "reason": life.get("reason", "") if self.status in ("failed", "interrupted") else "",
            "environment": self._read("environment.json"),
            "data": data,
            "compiled": self._read("compiled.json"),
            "result": _result(self._read("result.json")),
            "names": [name for name in self.follower.series if name not in ("epoch", "seconds")],
            "checkpoints": checkpoints,
            "unreadable": unreadable,
            "findings": [findings.told(entry) for entry in self.follower.findings],
            "shape": _shape(data.get("input_shape")),
            "classes": _classes(data.get("classes")),
        }

    def _checkpoints(self) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the states, or none of them and why they cannot be told: the page shows all else."""
        try:
            return self.checkpoints.listed(), None
        except Refusal as error:
            return [], told(error.who, error.what, error.fix)

    def _read(self, name: str) -> dict[str, Any]:
        return fitting(read_object(self.folder, name), _MOST_DETAILS)


def _result(result: dict[str, Any]) -> dict[str, Any] | None:
    """Return a result with the names of its pictures, not with where on this machine they lie."""
    pictures = result.get("pictures")
    if pictures is not None:
        result["pictures"] = [pathlib.PurePath(str(p)).name for p in pictures] if isinstance(pictures, list) else []
    return result or None


def _shape(value: Any) -> list[int]:
    fits = isinstance(value, list) and len(value) <= 8 and all(type(n) is int and 0 <= n < 1 << 31 for n in value)
    return value if fits else []


def _classes(value: Any) -> list[str]:
    return [cut(name) for name in value[:10_000]] if isinstance(value, list) else []
