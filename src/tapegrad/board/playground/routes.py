"""Requests for the playground, which a worker process answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..answers import answer, read_object
from ..refusal import Refusal
from ..web import Request, Response, Route, run_in_threadpool

if TYPE_CHECKING:
    from ..app import Board

__all__ = ["routes"]


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""

    async def ask(method: str, **arguments: Any) -> Response:
        return answer(await run_in_threadpool(board.playground.ask, method, **arguments))

    async def start(request: Request) -> Response:
        return await ask("start", spec=(await read_object(request)).get("spec", {}))

    async def advance(request: Request) -> Response:
        steps = (await read_object(request)).get("steps", 1)
        return await ask("advance", id=_network(request), steps=steps)

    async def close(request: Request) -> Response:
        return await ask("close", id=_network(request))

    async def upload(request: Request) -> Response:
        given = await read_object(request)
        return await ask("upload", name=given.get("name"), csv=given.get("csv"))

    return [
        Route("/api/playground", start, methods=["POST"]),
        Route("/api/playground/upload", upload, methods=["POST"]),
        Route("/api/playground/{id}/advance", advance, methods=["POST"]),
        Route("/api/playground/{id}/close", close, methods=["POST"]),
    ]


def _network(request: Request) -> str:
    text = request.path_params["id"]
    if re.fullmatch("[0-9a-f]{1,32}", text) is None:
        raise Refusal(404, "playground", f"there is no network {text!r:.60}", "start it again")
    return text
