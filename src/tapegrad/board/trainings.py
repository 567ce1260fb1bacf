"""Trainings that are started from the page: `tapegrad train` in a process of its own, which outlives the board."""

from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..lab import names
from ..lab.config import load_config
from ..lab.library import recipe_file
from ..lab.overrides import apply_overrides
from ..lab.yaml import read_yaml
from .answers import answer, read_object, whole
from .refusal import Refusal
from .web import Request, Response, Route, run_in_threadpool

if TYPE_CHECKING:
    from .app import Board
    from .entry import Entry

__all__ = ["Trainings", "routes"]

_MOST = 8
_MOST_OVERRIDES = 100
_LONGEST_VALUE = 10_000
# Reading and preparing large data comes before the run's folder.
_SECONDS = 120.0
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+){0,19}")
# Arguments of data sets that name files.
_FILES = ("path", "file", "folder", "test_path")
_READING = ("csv", "folder", "npz")


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""

    async def start(request: Request) -> Response:
        given = await read_object(request)
        entry = await run_in_threadpool(board.trainings.start, given.get("recipe"), given.get("overrides", {}))
        return answer({"id": entry.id})

    def stop(request: Request) -> Response:
        board.trainings.stop(whole(request.path_params["id"], "run", 0, 10**9))
        return answer({})

    return [
        Route("/api/trainings", start, methods=["POST"]),
        Route("/api/trainings/{id}/stop", stop, methods=["POST"]),
    ]


# All that are running: Python warns of a process that goes on and is forgotten.
_started: list[subprocess.Popen] = []


class Trainings:
    """The trainings that were started from this board. They go on when it ends; `tapegrad resume` and Ctrl-C know them."""

    def __init__(self, board: Any):
        self.board = board
        self._lock = threading.Lock()
        self._processes: dict[int, subprocess.Popen] = {}
        self._starting = 0

    def start(self, recipe: Any, overrides: Any) -> Entry:
        """Start a training and return its run, once it has a folder.

        Raises ArgumentError, ConfigError and others for a recipe or overrides that do not fit, Refusal when the training
        ended before it began, with what it said.
        """
        texts = _checked(recipe, overrides)
        with self._lock:
            running = sum(process.poll() is None for process in self._processes.values()) + self._starting
            if running >= _MOST:
                raise Refusal(429, "training", f"{running} trainings of this board are running", "stop one, or wait")
            self._starting += 1
        try:
            process, folder = self._launch(recipe, texts)
        finally:
            with self._lock:
                self._starting -= 1
        entry = self.board.library.take_in(folder)
        if entry is None:
            raise Refusal(500, "training", f"its folder {folder.name} is not among the runs", "look into the folder")
        with self._lock:
            self._processes[entry.id] = process
        return entry

    def _launch(self, recipe: str, texts: list[str]) -> tuple[subprocess.Popen, pathlib.Path]:
        home = self.board.library.home
        command = [sys.executable, "-P", "-m", "tapegrad", "train", "--runs", str(home), "--", recipe, *texts]
        # A file, no pipe: what nobody reads any more must not end a training.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = pathlib.Path(folder, "said.txt")
            with open(path, "wb") as said:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
                )
            _started.append(process)
            threading.Thread(target=_reap, args=[process], daemon=True).start()
            return process, _folder_of(process, path, home)

    def stop(self, number: int) -> None:
        """Ask a training to end after the update at hand, as Ctrl-C does. Raises Refusal for one that is none of ours."""
        process = self._processes.get(number)
        if process is None or process.poll() is not None:
            what = f"run {number} is not being trained from this board"
            raise Refusal(404, "training", what, "press Ctrl-C where it was started")
        process.send_signal(signal.SIGINT)


def _reap(process: subprocess.Popen) -> None:
    """Wait for a training's end, so that it leaves the table of processes then, and not with the board."""
    process.wait()
    _started.remove(process)


def _folder_of(process: subprocess.Popen, said: pathlib.Path, home: pathlib.Path) -> pathlib.Path:
    """Return the run's folder that a training tells of when it has made it."""
    until = time.monotonic() + _SECONDS
    while True:
        ended = process.poll() is not None
        text = said.read_bytes()[:100_000].decode("utf-8", "replace")
        found = re.search(r"^run: (.+)\n", text, re.MULTILINE)
        if found is not None:
            return home / pathlib.Path(found[1]).name
        if ended or time.monotonic() > until:
            if not ended:
                process.kill()
            sentence = next((line for line in text.splitlines() if line.startswith("tapegrad:")), text.strip()[-500:])
            what = sentence.removeprefix("tapegrad: ") or "it ended without a word"
            raise Refusal(400, "training", what, "change what it says and start again")
        time.sleep(0.05)


# -- what may be asked for ------------------------------------------------------------------------------------------


def _checked(recipe: Any, overrides: Any) -> list[str]:
    """Return the overrides as texts, when the recipe is one that ships and with them still reads no files of one's own."""
    if not isinstance(recipe, str):
        raise ArgumentError("recipe", f"is {recipe!r:.80}", "give the name of a recipe")
    own = read_yaml(recipe_file(recipe).read_bytes(), recipe).data
    if not isinstance(overrides, Mapping) or len(overrides) > _MOST_OVERRIDES:
        raise ArgumentError("overrides", "they are no object, or too many", 'send {"training.epochs": 3}')
    texts = [_override(key, value) for key, value in overrides.items()]
    changed = _places(apply_overrides(own, texts))
    # Before the configuration is made, which looks into the files that it names.
    for name, expected in _places(own).items():
        if changed[name] != expected:
            what = "a training from the page reads the recipe's own files alone"
            raise ArgumentError(name, what, "use `tapegrad train`")
    load_config(recipe, texts)
    return texts


def _override(key: Any, value: Any) -> str:
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise ArgumentError("overrides", f"{key!r:.80} is no key", "write names with dots between them")
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        text = ""
    if not text or len(text) > _LONGEST_VALUE:
        raise ArgumentError(key, "its value cannot be written, or is too long", "use a number, a word or a short list")
    return f"{key}={text}"


def _places(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a recipe's plain data that names files or runs code."""
    section, model = _mapping(data.get("data")), _mapping(data.get("model"))
    arguments = _mapping(section.get("arguments"))
    weights, exclude, name = data.get("initial_weights"), section.get("exclude"), section.get("set")
    return {
        "model.module": model.get("module"),
        "initial_weights": None if isinstance(weights, list) else weights,
        "data.root": section.get("root"),
        "data.exclude": None if isinstance(exclude, list) else exclude,
        "data.set": name if not isinstance(name, str) or names.canonical("data set", name) in _READING else None,
        "data.arguments": {key: arguments[key] for key in _FILES if key in arguments},
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
