"""Watching a script that trains with a loop of its own, and telling what is wrong with it."""

from __future__ import annotations

import contextlib
import os
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.graph import _PACKAGE
from ...errors import TapegradWarning
from .detectors import judged
from .finding import Finding
from .gathering import Gathering
from .observe import Course
from .watching import Enough, Watcher

__all__ = ["course_of_script", "watch_script"]


def watch_script(
    path: str | os.PathLike,
    argv: Sequence[str] = (),
    *,
    steps: int | None = None,
    seconds: float | None = None,
    prepare: Callable[[], Any] | None = None,
    resisted: Callable[[list[Finding]], None] | None = None,
) -> list[Finding]:
    """Run a script as the main program, watch how it trains, and return what is wrong with that, the gravest first.

    ``steps`` and ``seconds``: after how many updates, or how long, the script is stopped. ``prepare`` is called before,
    e.g. to make ``import torch`` find tapegrad. An error that the script raises is a finding as well: it tells the line.
    ``resisted`` is called with the findings when the script catches what is to stop it (``except BaseException``) and
    trains on: it can end the process, which nothing else can. Raises OSError when the file cannot be read.
    """
    return judged(course_of_script(path, argv, steps=steps, seconds=seconds, prepare=prepare, resisted=resisted))


def course_of_script(
    path: str | os.PathLike,
    argv: Sequence[str] = (),
    *,
    steps: int | None = None,
    seconds: float | None = None,
    prepare: Callable[[], Any] | None = None,
    resisted: Callable[[list[Finding]], None] | None = None,
) -> Course:
    """Run a script as :func:`watch_script` does, and return what was seen."""
    place = os.fspath(path)
    with open(place, "rb") as file:
        source = file.read()
    if prepare is not None:
        prepare()
    last = None if resisted is None else lambda gathering: resisted(judged(gathering.finish()))
    watcher = Watcher(steps=steps, seconds=seconds, resisted=last)
    before = sys.argv, sys.modules.get("__main__"), list(sys.path)
    streams, process = (sys.stdout, sys.stderr), os.getpid()
    # A script may close the streams that it has; what is said afterwards still has its own.
    sys.stdout, sys.stderr = (_same(stream) for stream in streams)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=place, __builtins__=__builtins__, __spec__=None, __cached__=None)
    sys.argv, sys.modules["__main__"] = [place, *argv], main
    sys.path.insert(0, os.path.dirname(os.path.realpath(place)))
    try:
        with watcher, warnings.catch_warnings(), np.errstate(all="ignore"):
            # What they would say is what the findings say.
            warnings.simplefilter("ignore", TapegradWarning)
            _run(source, place, main, watcher.gathering)
    finally:
        _flush()
        if os.getpid() != process:  # the script made a process of its own, which ends where the script does
            os._exit(bool(watcher.gathering.practice.error))
        sys.stdout, sys.stderr = streams
        sys.argv, sys.path[:] = before[0], before[2]
        if before[1] is not None:
            sys.modules["__main__"] = before[1]
    return watcher.gathering.finish()


def _same(stream: Any) -> Any:
    """Return a text stream that writes where another does; closing it leaves the other open."""
    try:
        stream.flush()
        return open(stream.fileno(), "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False)
    except (AttributeError, OSError, ValueError):  # one without a file, as in a notebook
        return stream


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()


def _run(source: bytes, place: str, main: types.ModuleType, gathering: Gathering) -> None:
    try:
        exec(compile(source, place, "exec", dont_inherit=True), main.__dict__)
    except Enough:
        pass
    except SystemExit as end:
        if end.code not in (None, 0):
            gathering.practice.error, gathering.practice.error_kind = (
                f"it ended with exit code {_words(end.code)}",
                "SystemExit",
            )
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        practice = gathering.practice
        practice.error = _words(error) or type(error).__name__
        practice.error_kind = type(error).__name__
        practice.error_where = _line(error, place)


def _words(value: Any) -> str:
    """Return what a value of the script says of itself, on one line; nothing where it cannot."""
    try:
        return " ".join(str(value).split())
    except Exception:
        return ""


def _line(error: BaseException, place: str) -> str:
    """Return ``file:line`` of the innermost line of the user's own code that an error went through."""
    if isinstance(error, SyntaxError):
        return os.path.basename(place) + (f":{error.lineno}" if error.lineno is not None else "")
    trace, found = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == place or not (name.startswith((_PACKAGE, "<")) or "site-packages" in name):
            found = f"{os.path.basename(name)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
