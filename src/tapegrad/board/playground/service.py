"""The playground's networks, in the worker process that trains them."""

from __future__ import annotations

import atexit
import pathlib
import secrets
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ArgumentError
from ..refusal import Refusal
from .session import Session
from .spec import completed
from .tables import table_of, upload

__all__ = ["METHODS"]

_MOST_SESSIONS = 8
_MOST_TABLES = 16
_MOST_STEPS = 2000

_sessions: OrderedDict[str, Session] = OrderedDict()
_tables: OrderedDict[str, dict[str, Any]] = OrderedDict()
_folder: pathlib.Path | None = None


def _scratch() -> pathlib.Path:
    """Return the folder that tables are kept in until the process ends."""
    global _folder
    if _folder is None:
        _folder = pathlib.Path(tempfile.mkdtemp(prefix="tapegrad-playground-"))
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder


def _start(spec: Any) -> dict[str, Any]:
    if not isinstance(spec, Mapping):
        raise ArgumentError("playground", "spec is no object", 'send {"spec": {"data": "spiral"}}')
    whole = completed(spec)
    table = None
    if whole["data"].startswith("csv:"):
        token = whole["data"].removeprefix("csv:")
        if token not in _tables:
            raise Refusal(404, "playground", "the table is not here any more", "upload it again")
        table = table_of(_scratch(), token, _tables[token])
    session = Session(whole, table, None)
    while len(_sessions) >= _MOST_SESSIONS:
        _sessions.popitem(last=False)[1].close()
    number = secrets.token_hex(8)
    _sessions[number] = session
    return {"id": number, **session.described(), "frame": session.frame()}


def _advance(id: str, steps: Any) -> dict[str, Any]:
    if type(steps) is not int or not 1 <= steps <= _MOST_STEPS:
        raise ArgumentError("playground.steps", f"is {steps!r:.60}", f"use a whole number from 1 to {_MOST_STEPS:,}")
    if id not in _sessions:
        raise Refusal(404, "playground", "this network is not here any more", "start it again")
    _sessions.move_to_end(id)
    return _sessions[id].advance(steps)


def _close(id: str) -> dict[str, Any]:
    session = _sessions.pop(id, None)
    if session is not None:
        session.close()
    return {}


def _upload(name: Any, csv: Any) -> dict[str, Any]:
    while len(_tables) >= _MOST_TABLES:
        token, _ = _tables.popitem(last=False)
        (_scratch() / f"{token}.csv").unlink(missing_ok=True)
    described = upload(_scratch(), name, csv)
    _tables[described["token"]] = described
    return described


METHODS: dict[str, Callable[..., Any]] = {"start": _start, "advance": _advance, "close": _close, "upload": _upload}
