"""What happens to runs, as it happens: server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from ..train.lines import dump
from . import findings
from .answers import whole
from .refusal import Refusal
from .web import Request, Response, Route, StreamingResponse

if TYPE_CHECKING:
    from .app import Board
    from .entry import Entry

__all__ = ["MOST_STREAMS", "routes"]

MOST_STREAMS = 32
_SECONDS = 1.0
_HEARTBEAT = 15.0
_MOST_RUNS = 64


def routes(board: Board) -> list[Route]:
    """Return the routes of this file."""
    open_streams: set[object] = set()

    async def stream(request: Request) -> Response:
        text = request.query_params.get("runs", "")
        followed = {whole(part, "runs", 0, 10**9) for part in text.split(",")[:_MOST_RUNS] if part}
        if len(open_streams) >= MOST_STREAMS:
            raise Refusal(503, "stream", f"{MOST_STREAMS} pages follow the board already", "close one of them")
        mark = object()
        open_streams.add(mark)
        body = _events(board, _Watch(board, followed), lambda: open_streams.discard(mark))
        return _Stream(body, headers={"cache-control": "no-store"}, media_type="text/event-stream")

    return [Route("/api/stream", stream)]


class _Stream(StreamingResponse):
    """A stream whose generator is closed when the client leaves, also before it began."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.body_iterator.aclose()  # type: ignore[attr-defined]


async def _events(board: Board, watch: _Watch, closed: Any) -> AsyncIterator[bytes]:
    try:
        spoke = time.monotonic()
        await asyncio.to_thread(watch.look)
        yield b": the board\nretry: 2000\n\n"
        while not board.closing.is_set():
            told = await asyncio.to_thread(watch.look)
            if told:
                yield told
                spoke = time.monotonic()
            elif time.monotonic() - spoke >= _HEARTBEAT:
                yield b": still here\n\n"
                spoke = time.monotonic()
            await _pause(board)
    finally:
        closed()


async def _pause(board: Board) -> None:
    """Wait until the next look; the board's end cuts it short."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and not board.closing.is_set():
        await asyncio.sleep(0.1)


class _Watch:
    """What a client has been told of each run, and so what is new to it."""

    def __init__(self, board: Board, followed: set[int]):
        self.board = board
        self.followed = followed
        self._versions: dict[int, int] = {}
        self._statuses: dict[int, str] = {}
        self._generations: dict[int, int] = {}
        self._counts: dict[int, dict[str, int]] = {}
        self._findings: dict[int, int] = {}
        self._began = False

    def look(self) -> bytes:
        """Return the events since the last look; the first one is where they begin."""
        self.board.library.refresh(at_most_every=_SECONDS * 0.9)
        entries = self.board.library.entries()
        told: list[bytes] = []
        for entry in entries:
            with entry.lock:
                told += self._of(entry)
        present = {entry.id for entry in entries}
        for number in [number for number in self._versions if number not in present]:
            del self._versions[number]
            told.append(_event("gone", {"id": number}))
        began, self._began = self._began, True
        return b"".join(told) if began else b""

    def _of(self, entry: Entry) -> Iterator[bytes]:
        if self._versions.get(entry.id) == entry.version:
            return
        self._versions[entry.id] = entry.version
        yield _event("runs", entry.row())
        if self._statuses.get(entry.id) != entry.status:
            self._statuses[entry.id] = entry.status
            yield _event("status", {"id": entry.id, "status": entry.status})
        if entry.id in self.followed:
            yield from self._course(entry)

    def _course(self, entry: Entry) -> Iterator[bytes]:
        follower = entry.follower
        if self._generations.get(entry.id) != follower.generation:
            if entry.id in self._generations:
                yield _event("reset", {"id": entry.id})
            self._generations[entry.id] = follower.generation
            self._counts[entry.id], self._findings[entry.id] = {}, 0
        counts = self._counts[entry.id]
        # Pages draw at the first look what they asked for themselves.
        fresh = {n: s.after(counts.get(n, 0)) if self._began else [] for n, s in list(follower.series.items())}
        self._counts[entry.id] = {name: series.count for name, series in list(follower.series.items())}
        fresh = {name: points for name, points in fresh.items() if points}
        if fresh:
            yield _event("points", {"id": entry.id, "series": fresh})
        known = list(follower.findings)
        for finding in known[self._findings[entry.id] :] if self._began else []:
            yield _event("finding", {"id": entry.id, "finding": findings.told(finding)})
        self._findings[entry.id] = len(known)


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {dump(data)}\n\n".encode("utf-8", "replace")
