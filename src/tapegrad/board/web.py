"""What the board takes from Starlette, in one place, so that its absence is told in one way."""

from __future__ import annotations

from ..errors import MissingExtraError

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route
except ImportError:
    raise MissingExtraError("board", "starlette", "board") from None

__all__ = ["HTTPException", "Request", "Response", "Route", "Starlette", "StreamingResponse", "run_in_threadpool"]
