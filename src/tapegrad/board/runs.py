"""Answers about runs: the table, a run's page, its curves and its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import answer, number, whole
from .web import Request, Response, Route

if TYPE_CHECKING:
    from .app import Board

__all__ = ["entry_of", "routes"]

_MOST_POINTS = 5_000
_MOST_NAMES = 50


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""

    def runs(request: Request) -> Response:
        board.library.refresh(at_most_every=0.5)
        return answer({"runs": [entry.row() for entry in board.library.entries()]})

    def run(request: Request) -> Response:
        return answer(entry_of(board, request).details())

    def series(request: Request) -> Response:
        entry = entry_of(board, request)
        follower, query = entry.follower, request.query_params
        points = whole(query.get("points"), "points", 1, _MOST_POINTS, 1500)
        low, high = number(query.get("from"), "from"), number(query.get("to"), "to")
        wanted = query.get("names")
        with entry.lock:
            names = list(follower.series) if wanted is None else wanted.split(",")[:_MOST_NAMES]
            found = {name: follower.series[name].view(points, low, high) for name in names if name in follower.series}
            return answer({"series": found, "last_step": follower.record.get("step", 0)})

    def statistics(request: Request) -> Response:
        entry = entry_of(board, request)
        points = whole(request.query_params.get("points"), "points", 1, _MOST_POINTS, 300)
        with entry.lock:
            return answer(entry.follower.layers.view(points))

    return [
        Route("/api/runs", runs),
        Route("/api/runs/{id}", run),
        Route("/api/runs/{id}/series", series),
        Route("/api/runs/{id}/statistics", statistics),
    ]


def entry_of(board: Board, request: Request) -> Any:
    """Return the run that a request's path names by its number. Raises Refusal when there is none."""
    text = request.path_params["id"]
    if not board.library.entries():
        board.library.refresh()
    return board.library.get(whole(text, "run", 0, 10**9))
