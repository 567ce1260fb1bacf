"""HTTP for a server that must not be held up: connections that send or read too slowly are closed."""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import MissingExtraError
from .security import HEADERS

try:
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError:
    raise MissingExtraError("board", "uvicorn", "board") from None

__all__ = ["Protocol"]


class Protocol(H11Protocol):
    """uvicorn's protocol with a time limit on a request's head and on a client that does not read its answer."""

    head_seconds = 15.0
    read_seconds = 30.0
    _head: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head = _cancelled(self._head)
        elif self._head is None:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self._close_waiting)

    def _close_waiting(self) -> None:
        """Close a connection whose next request did not arrive whole; one that is being answered is left alone."""
        self._head = None
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reading = _cancelled(self._reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._reading = _cancelled(self._head), _cancelled(self._reading)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        body = msg.encode("ascii", "replace")
        kind = (b"content-type", b"text/plain; charset=utf-8")
        headers: Any = [kind, (b"content-length", str(len(body)).encode()), (b"connection", b"close"), *HEADERS]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _cancelled(handle: asyncio.TimerHandle | None) -> None:
    if handle is not None:
        handle.cancel()
