"""Who may ask the board what: hosts, origins, the token, and how much a request may be.

Sources: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/,
https://www.w3.org/TR/CSP3/, https://en.wikipedia.org/wiki/DNS_rebinding
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import socket
import urllib.parse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..train.lines import dump
from .refusal import told

__all__ = ["CSP", "HEADERS", "MOST_BYTES", "Guard", "is_loopback"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
MOST_BYTES = 1_000_000
# What a client has for sending a body.
_SECONDS = 15.0
_COOKIE = "tapegrad-board"
_MOST_FIELDS = 50


def is_loopback(host: str) -> bool:
    """Return whether an address is one of this machine alone.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "192.168.1.5")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class _Refused(Exception):
    def __init__(self, status: int, what: str, fix: str):
        super().__init__(status, what, fix)
        self.status, self.what, self.fix = status, what, fix


class Guard:
    """Lets requests through to an application that come from this board's own page, or from no page at all.

    ``host``: the address that is listened on. ``token``: what the cookie has to hold; None where every process of this
    machine may ask. Every response carries the content security policy.
    """

    def __init__(self, app: App, host: str = "127.0.0.1", token: str | None = None, seconds: float = _SECONDS):
        self.app = app
        self.token = token
        self.seconds = seconds
        self.open = not is_loopback(host)
        self.names = {"localhost", host.lower()} | ({socket.gethostname().lower()} if self.open else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        try:
            address = self._check(scope)
            if self.token is not None and (away := self._admit(scope)) is not None:
                await _respond(_shielded(send), 303, b"", [(b"location", b"/"), (b"set-cookie", away)])
                return
            if scope["method"] == "POST":
                receive = _replayed(await self._body(scope, address, receive), receive)
        except _Refused as refused:
            body = dump({"error": told("board", refused.what, refused.fix)}).encode()
            kind = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await _respond(_shielded(send), refused.status, body, kind)
            return
        await self.app(scope, receive, _shielded(send))

    # -- who asks ---------------------------------------------------------------------------------------------------

    def _check(self, scope: Scope) -> str:
        """Return the Host that a request is for, when method, host and origin are in order."""
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise _Refused(405, f"{scope['method'][:20]} is not answered", "use GET or POST")
        hosts = _all(scope, b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise _Refused(
                403, "the Host header is not this board's address", "open the address that the board printed"
            )
        origins, sites = _all(scope, b"origin"), _all(scope, b"sec-fetch-site")
        if any(not _same_origin(origin, hosts[0]) for origin in origins) or len(origins) > 1:
            raise _Refused(403, "it comes from another page (Origin)", "ask from the board's own page")
        if any(site not in ("same-origin", "none") for site in sites) and not self._is_visit(scope):
            raise _Refused(403, "it comes from another page (Sec-Fetch-Site)", "ask from the board's own page")
        return hosts[0]

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this board. A numeric address needs no name service that could be lied to."""
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
        if port and not (port.isascii() and port.isdigit() and len(port) <= 5):
            return False
        name = name.lower()
        if name in self.names or is_loopback(_bare(name)):
            return True
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(_bare(name))
            return self.open
        return False

    @staticmethod
    def _is_visit(scope: Scope) -> bool:
        """Whether somebody followed a link to the page itself, which tells the page they left nothing."""
        return scope["method"] == "GET" and scope["path"] == "/" and _all(scope, b"sec-fetch-mode") == ["navigate"]

    def _admit(self, scope: Scope) -> bytes | None:
        """Return the cookie to set for a URL with the token, None for a request with the cookie. Else refuse."""
        assert self.token is not None
        fields = scope.get("query_string", b"").decode("latin-1").split("&", _MOST_FIELDS)[:_MOST_FIELDS]
        query = urllib.parse.parse_qs("&".join(fields))
        if scope["method"] == "GET" and scope["path"] == "/" and _equal(query.get("token", [""])[0], self.token):
            return f"{_COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/".encode("latin-1")
        for header in _all(scope, b"cookie"):
            # Whatever other servers of this machine, whose cookies come along, have put into theirs.
            for name, _, value in (part.strip().partition("=") for part in header.split(";")):
                if name == _COOKIE and _equal(value, self.token):
                    return None
        raise _Refused(401, "the token is missing", "open the address that the board printed, with its ?token=")

    # -- what is sent -----------------------------------------------------------------------------------------------

    async def _body(self, scope: Scope, host: str, receive: Receive) -> bytes:
        """Return a POST's body, when it is JSON from this board's page and not too much."""
        kinds = _all(scope, b"content-type")
        if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != "application/json":
            raise _Refused(415, "the body is not declared as JSON", "send Content-Type: application/json")
        if not _all(scope, b"origin") and _all(scope, b"sec-fetch-site") != ["same-origin"]:
            raise _Refused(403, "it does not say which page it comes from", f"send Origin: http://{host}")
        lengths = _all(scope, b"content-length")
        too_large = _Refused(413, f"the body is larger than {MOST_BYTES:,} bytes", "send less")
        if any(not length.isdigit() or int(length[:20]) > MOST_BYTES for length in lengths):
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > MOST_BYTES:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(408, f"the body took more than {self.seconds:g} s", "send it faster") from None


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _bare(name: str) -> str:
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _same_origin(origin: str, host: str) -> bool:
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest.lower() == host.lower()


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives a body that was read already, then what comes after it."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _shielded(send: Send) -> Send:
    async def shielded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return shielded


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
