"""The board's application: its routes, behind the guard."""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import TapegradError
from ..version import __version__
from . import pages, recipes, runs, stream, trainings
from .answers import answer, problem
from .library import Library
from .playground import routes as playground
from .probe import routes as probe
from .refusal import Refusal
from .security import Guard
from .web import HTTPException, Request, Response, Route, Starlette
from .worker import Worker

__all__ = ["Board", "make_app"]


class Board:
    """What the answers are made from: the runs and what is at work for them.

    ``trusts``: whether networks' own Python files may run whoever wrote them.
    """

    def __init__(self, folders: Sequence[str | os.PathLike], trusts: bool = False):
        self.trusts = trusts
        self.library = Library(folders)
        self.closing = threading.Event()
        self.trainings = trainings.Trainings(self)
        self.probe = Worker("probe.service", priority=15, seconds=120.0, idle=600.0)
        self.playground = Worker("playground.service", priority=5, seconds=60.0)

    def close(self) -> None:
        """End all that was started for the board; trainings go on."""
        self.closing.set()
        for worker in (self.probe, self.playground):
            worker.close()


def make_app(
    board: Board, host: str = "127.0.0.1", token: str | None = None, static: pathlib.Path = pages.STATIC
) -> Guard:
    """Return the ASGI application that shows a board on an address."""

    def session(request: Request) -> Response:
        language = _language(request.headers.get("accept-language", ""))
        home = board.library.home
        # A folder that is not there yet is made.
        there = next(folder for folder in (home, *home.parents) if folder.exists())
        can_train = os.access(there, os.W_OK | os.X_OK)
        return answer({"version": __version__, "language": language, "can_train": can_train, "home": str(home)})

    def missing(request: Request) -> Response:
        raise Refusal(404, "board", "there is no such address", "see the README for what there is")

    routes = [
        Route("/api/session", session),
        *(route for part in (runs, stream, recipes, trainings, probe, playground) for route in part.routes(board)),
        Route("/api/{rest:path}", missing, methods=["GET", "POST"]),
        *pages.routes(static),
    ]
    handlers: Any = {TapegradError: _on_error, HTTPException: _on_http, Exception: _on_fault}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), host, token)


def _on_error(request: Request, error: TapegradError) -> Response:
    return problem(error)


def _on_http(request: Request, error: HTTPException) -> Response:
    return problem(Refusal(error.status_code, "board", error.detail, ""))


def _on_fault(request: Request, error: Exception) -> Response:
    what = f"it failed with {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return problem(Refusal(500, "board", what, "try again; if it stays, it is a fault of the board"))


def _language(accepted: str) -> str:
    """Return the language, of the two that there are, that a browser's header puts first.

    >>> [_language(text) for text in ("zh-CN,zh;q=0.9,en;q=0.8", "de,en;q=0.5,zh;q=0.7", "")]
    ['zh', 'zh', 'en']
    """
    ranked = []
    for place, part in enumerate(accepted[:1000].split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, name[:2].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(ranked) if name in ("en", "zh")), "en")
