"""Generated loops as functions that Numba compiles, each in a file of its own so that the machine code is kept as well.

A file is named by a hash of its text: the same loop in another network, or in another process, is compiled once.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["DECORATOR", "Loops", "has_numba", "loop"]

DECORATOR = '@njit(cache=True, nogil=True, error_model="numpy")'
_HEADER = "import numpy as np\nfrom numba import njit\n\n\n"


@functools.cache
def has_numba() -> bool:
    """Return whether Numba can be used."""
    return importlib.util.find_spec("numba") is not None


def folder() -> Path:
    """Return where generated loops are kept: the folder of TAPEGRAD_CACHE, or the user's folder for such."""
    given = os.environ.get("TAPEGRAD_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tapegrad" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tapegrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tapegrad"


@functools.cache
def loop(text: str, name: str) -> dict[str, Callable]:
    """Return the functions that a text defines, compiled when they are first called with some kinds of arguments."""
    text = _HEADER + text + "\n"
    path = _written(f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}", text)
    module = ModuleType(path.stem)
    # Numba finds the module again by its name when it reads machine code from the disk.
    sys.modules[f"tapegrad_loops.{path.stem}"] = module
    module.__name__ = f"tapegrad_loops.{path.stem}"
    module.__file__ = str(path)
    exec(compile(text, str(path), "exec"), module.__dict__)
    return {name: f for name, f in vars(module).items() if hasattr(f, "py_func")}


def _written(stem: str, text: str) -> Path:
    try:
        return _write(folder() / "loops", stem, text)
    except OSError:
        return _write(_private_folder(), stem, text)


@functools.cache
def _private_folder() -> Path:
    held = tempfile.TemporaryDirectory(prefix="tapegrad-loops-")
    _held.append(held)
    return Path(held.name)


_held: list[Any] = []


def _write(place: Path, stem: str, text: str) -> Path:
    path = place / f"{stem}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        place.mkdir(parents=True, exist_ok=True)
        # Another process may be about to write, or to read, the same file.
        handle, partial = tempfile.mkstemp(dir=place, suffix=".partial")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, path)
    return path


class Loops:
    """The loops of one program; stands for ``njit`` in its text, where it gives each function its compiled form."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable] = {}
        self.texts: list[str] = []

    def add(self, name: str, text: str) -> None:
        """Take a loop, and the functions that it needs, into the program."""
        if name not in self.functions:
            self.functions |= loop(text, name)
            self.texts.append(text)

    def __call__(self, **options: Any) -> Callable[[Callable], Callable]:
        return lambda function: self.functions[function.__name__]
