"""Starting the board: a free port, the browser, and a clean end."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ArgumentError, MissingExtraError
from .security import is_loopback

__all__ = ["PORT", "listen", "make_server", "serve"]

PORT = 8642
_PORTS = 20
_SHORTEST_TOKEN = 16


def serve(
    folders: Sequence[str | os.PathLike],
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    trusts: bool = False,
    open_page: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Show the runs of some folders until Ctrl-C. ``tell`` is called with the address when it can be opened.

    ``port`` None: the first free one from 8642 on. An address that others can reach always has a token; without ``token``
    one is drawn. ``trusts``: networks' own Python files below the folders run whoever wrote them. Raises ArgumentError for a host or port that cannot be listened on and for a token that is too short.
    """
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(32)
    _check_token(token)
    listening = listen(host, port)
    server, board = make_server(folders, host, token, trusts)
    address = _address(host, listening.getsockname()[1]) + (f"/?token={token}" if token else "/")
    tell(address)
    if open_page and _has_screen():
        threading.Timer(0.2, webbrowser.open, [address]).start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    finally:
        board.close()


def make_server(
    folders: Sequence[str | os.PathLike], host: str, token: str | None, trusts: bool = False
) -> tuple[Any, Any]:
    """Return a uvicorn server that shows the runs of some folders, and its board."""
    try:
        import uvicorn
    except ImportError:
        raise MissingExtraError("board", "uvicorn", "board") from None
    from .app import Board, make_app
    from .protocol import Protocol

    board = Board(folders, trusts)

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            board.closing.set()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        make_app(board, host, token),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=200,
        timeout_graceful_shutdown=1,
    )
    return Server(config), board


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that is bound to a port: the one given, else the first free one. Raises ArgumentError."""
    wanted = [port] if port is not None else [*range(PORT, PORT + _PORTS), 0]
    for chosen in wanted:
        try:
            return _bound(host, chosen)
        except OSError as error:
            reason = error.strerror or str(error)
            if isinstance(error, socket.gaierror):
                raise ArgumentError("board", f"there is no address '{host}'", "use 127.0.0.1, or 0.0.0.0") from None
    fix = "choose another with --port" if port is not None else "check --host"
    raise ArgumentError("board", f"it cannot listen on {host}:{wanted[-1]} ({reason})", fix)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would take a port from another process
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except BaseException:
        found.close()
        raise
    return found


def _check_token(token: str | None) -> None:
    if token is None:
        return
    fits = len(token) >= _SHORTEST_TOKEN and all(c.isascii() and (c.isalnum() or c in "-_") for c in token)
    if not fits:
        fix = f"use at least {_SHORTEST_TOKEN} letters, digits, - or _; or leave it out, and one is drawn"
        raise ArgumentError("board", "the token is too short, or has other characters than A-Z a-z 0-9 - _", fix)


def _address(host: str, port: int) -> str:
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _has_screen() -> bool:
    """Whether a browser with windows can be opened; one in the terminal would cover it."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
