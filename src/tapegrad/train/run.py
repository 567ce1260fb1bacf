"""A run's folder: what was asked for, where it ran, what happened, and what came out."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.printing import as_html
from ..errors import ArgumentError, DataError, FileFormatError, did_you_mean, warn
from ..formats.atomic import remove_stale, write_atomically
from .environment import decisive_differences, in_words
from .environment import environment as measured_environment
from .lines import append_line, dump, is_after, load, read_lines, rewrite_lines, table_of
from .process import is_running, locked, this_process

__all__ = ["Run", "list_runs"]

_MARK = "recipe.yaml"
# Events of a training's course: what lies behind the step that a training resumes at has not happened.
_COURSE = ("epoch", "statistics", "snapshot", "checkpoint", "finding")
_LIFE = ("start", "resumed", "interrupted", "failed")


class Run:
    """The folder of one training.

    ``recipe.yaml`` says what was asked for, ``environment.json`` where it ran, ``events.jsonl`` holds one line per event
    (the truth), ``metrics.csv`` the epochs as a table, ``ledger.jsonl`` hashes of the weights, ``checkpoints/`` the states,
    ``pictures/`` the drawings, ``compiled.json`` whether updates ran as programs, ``program.py`` those programs,
    ``result.json`` what came out.

    >>> import tempfile
    >>> run = Run.create(tempfile.mkdtemp(), "spiral", "seed: 0\\n", stamp=False)
    >>> run.log("epoch", epoch=1, step=3, loss=0.5)
    >>> run.name, run.recipe, [event["loss"] for event in run.events("epoch")]
    ('spiral', 'seed: 0\\n', [0.5])
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        self.checkpoints = self.folder / "checkpoints"
        self.pictures = self.folder / "pictures"

    @classmethod
    def create(
        cls,
        parent: str | os.PathLike,
        name: str,
        recipe: str,
        environment: Mapping[str, Any] | None = None,
        *,
        stamp: bool = True,
    ) -> Run:
        """Make a new folder under ``parent``: ``name``, with date and time unless ``stamp`` is False.

        A name that is taken gets a number; what a folder cannot be called becomes ``-``.
        """
        full_name = safe_name(name) + (time.strftime("-%Y%m%d-%H%M%S") if stamp else "")
        return cls.prepare(_new_folder(pathlib.Path(parent), full_name), recipe, environment)

    @classmethod
    def prepare(cls, folder: str | os.PathLike, recipe: str, environment: Mapping[str, Any] | None = None) -> Run:
        """Make a run of a folder, which need not exist, and return it."""
        run = cls(folder)
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        run.pictures.mkdir(exist_ok=True)
        run.write_environment(measured_environment() if environment is None else environment)
        # Last of all: a folder with a recipe is a whole run.
        write_atomically(run.folder / _MARK, recipe.encode())
        return run

    @classmethod
    def find(cls, name: str | os.PathLike, parent: str | os.PathLike = "runs") -> Run:
        """Return the run of a path, or of a name under ``parent``.

        Raises ArgumentError, naming the nearest run, when there is none.
        """
        for folder in (pathlib.Path(name), pathlib.Path(parent) / name):
            if (folder / _MARK).is_file():
                return cls(folder)
        known = [run.name for run in list_runs(parent)]
        hint = did_you_mean(str(name), known) if known else f"there is no run under {parent}: train one first"
        raise ArgumentError("run", f"there is no run '{name}'", hint)

    def _repr_html_(self) -> str | None:
        return as_html(self)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def recipe(self) -> str:
        """The text of the resolved recipe."""
        try:
            return (self.folder / _MARK).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise FileFormatError(
                str(self.folder / _MARK), f"is no text ({error})", "restore it, or train again"
            ) from None

    @property
    def newest_checkpoint(self) -> pathlib.Path | None:
        """The state to resume from: the last one, or the initial one of a run that was killed before there was a last."""
        for name, means in (("last", ("last", "last.previous")), ("initial", ("initial",))):
            if any((self.checkpoints / f"{file}.safetensors").is_file() for file in means):
                return self.checkpoints / f"{name}.safetensors"
        return None

    # -- where it ran and what came out -----------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, BLAS, threads, processor and data of the run; empty when the file is missing."""
        return self._read_object("environment.json") or {}

    def write_environment(self, values: Mapping[str, Any]) -> None:
        """Write ``environment.json``."""
        self._write_object("environment.json", values)

    def write_sources(self, sources: Mapping[str, str]) -> None:
        """Note the data files' SHA-256 sums, by name, and the threads that the training has.

        Raises DataError when a file of the same name had another sum as the run began: it cannot be continued then.
        """
        known = self.environment
        before = known.get("data")
        if before is None:
            threads = measured_environment()["threads"]
            self.write_environment({**known, "threads": threads, "data": dict(sources)})
            return
        changed = [name for name in sources if name in before and before[name] != sources[name]]
        if changed:
            raise DataError(
                changed[0],
                f"has SHA-256 {sources[changed[0]][:12]}…, and {before[changed[0]][:12]}… when the run {self.name} began",
                "restore the file, or train a new run",
            )

    @property
    def result(self) -> dict[str, Any] | None:
        """What ``result.json`` holds, or None before the training's end."""
        return self._read_object("result.json")

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``: from now on the run is finished."""
        self._write_object("result.json", result)

    @property
    def compiled(self) -> dict[str, Any] | None:
        """What ``compiled.json`` holds: whether the updates were compiled, why not, the cost and the gain; or None."""
        return self._read_object("compiled.json")

    def write_compiled(self, report: Mapping[str, Any], source: str) -> None:
        """Write ``compiled.json``, and the programs, if there are any, as ``program.py``."""
        self._write_object("compiled.json", report)
        if source:
            write_atomically(self.folder / "program.py", source.encode())

    def _read_object(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        try:
            value = load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise FileFormatError(str(path), f"cannot be read ({error})", "restore it, or train again") from None
        if not isinstance(value, dict):
            raise FileFormatError(str(path), f"holds a {type(value).__name__}", "restore it, or train again")
        return value

    def _write_object(self, name: str, values: Mapping[str, Any]) -> None:
        write_atomically(self.folder / name, (dump(values, indent=2) + "\n").encode())

    # -- what happened ----------------------------------------------------------------------------------------------

    def log(self, kind: str, **values: Any) -> None:
        """Append one event, in one write."""
        append_line(self.folder / "events.jsonl", dump({"event": kind, "time": round(time.time(), 3), **values}))

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the events, or those of a kind; torn lines, left by a killed process, are passed over."""
        lines = read_lines(self.folder / "events.jsonl", kind or "")
        return [line for line in lines if "event" in line and kind in (None, line["event"])]

    def rewind(self, step: int, epoch: int) -> None:
        """Take back the course of what comes after ``step`` updates and ``epoch`` whole epochs; a resumed training is
        going to do that again.
        """
        rewrite_lines(
            self.folder / "events.jsonl",
            lambda event: event.get("event") not in _COURSE or not is_after(event, step, epoch),
        )

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Hold the run for this process alone. Raises StateError when another one holds it."""
        return locked(self.folder, "run")

    def begin(self, step: int = 0, epoch: int = 0) -> None:
        """Note that this process trains on from ``step`` updates and ``epoch`` whole epochs, and clean up behind a killed one.

        Raises ArgumentError when another process is still at it.
        """
        life = self._life()
        if self.status == "running" and life.get("pid") != os.getpid():
            raise ArgumentError(
                "run",
                f"{self.folder} is being trained by process {life.get('pid')} on {life.get('host')}",
                "wait for it, or stop it first",
            )
        for folder in (self.folder, *(path for path in self.folder.iterdir() if path.is_dir())):
            remove_stale(folder)
        self.rewind(step, epoch)
        changed = decisive_differences(self.environment, measured_environment()) if step else {}
        if changed:
            warn(
                "resume",
                f"{self.name} began with {in_words(changed)}",
                "the bits may not be the same as without a stop",
            )
        self.log("resumed" if step or life else "start", step=step, **this_process())

    @property
    def status(self) -> str:
        """``"finished"`` (there is a result), ``"failed"``, ``"running"``, or ``"interrupted"``: stopped, or killed."""
        if (self.folder / "result.json").is_file():
            return "finished"
        last = self._life()
        if last.get("event") == "failed":
            return "failed"
        began = last.get("event") in ("start", "resumed")
        return "running" if began and is_running(last, self._silence()) else "interrupted"

    def _silence(self) -> float:
        """Return for how many seconds nothing has been written into the run's folder."""
        written = [self.folder / "events.jsonl", *self.checkpoints.glob("*.safetensors")]
        return time.time() - max((path.stat().st_mtime for path in written if path.is_file()), default=0.0)

    def _life(self) -> dict[str, Any]:
        """Return the last event that says whether the run is alive, or {}."""
        lines = read_lines(self.folder / "events.jsonl", *_LIFE)
        return next((line for line in reversed(lines) if line.get("event") in _LIFE), {})

    def write_table(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the epochs' records as ``metrics.csv``."""
        if records:
            write_atomically(self.folder / "metrics.csv", table_of(records).encode())


def safe_name(name: str) -> str:
    """Return a name that every file system takes: letters, digits, ``_ . + = -``, at most 60 of them.

    >>> safe_name("mnist/best: 手写 #2"), safe_name("../..")
    ('mnist-best-手写-2', 'run')
    """
    return re.sub(r"[^\w.+=]+", "-", name).strip("-.")[:60].rstrip("-.") or "run"


def _new_folder(parent: pathlib.Path, name: str) -> pathlib.Path:
    for number in range(1, 10_000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if parent.exists() and not parent.is_dir():
                raise ArgumentError("run", f"{parent} is no folder", "choose another with --runs") from None
            continue
        return folder
    raise ArgumentError("run", f"no free name for a run '{name}' under {parent}", "choose another folder with --runs")


def list_runs(parent: str | os.PathLike = "runs") -> list[Run]:
    """Return the runs in a folder, the oldest first; none when the folder does not exist."""
    found = [path for path in pathlib.Path(parent).glob(f"*/{_MARK}") if path.is_file()]
    return [Run(path.parent) for path in sorted(found, key=lambda path: (path.stat().st_mtime, path.parent.name))]
