"""The built front end: a few files, found by their names in a list, never by a path from a request."""

from __future__ import annotations

import hashlib
import os
import pathlib

from .answers import problem
from .refusal import Refusal
from .web import Request, Response, Route

__all__ = ["STATIC", "routes"]

STATIC = pathlib.Path(__file__).parent / "static"

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".txt": "text/plain; charset=utf-8",
}
_NOT_BUILT = (
    b"The board's page was not built: run `make board` in the source, or install tapegrad from its wheel.\n"
    b"What it would show is at /api/runs.\n"
)


def routes(folder: pathlib.Path = STATIC) -> list[Route]:
    """Return the routes of the page's files."""

    def page(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        files = _files(folder)
        if name == "index.html" and name not in files:
            return Response(_NOT_BUILT, 503, media_type="text/plain")
        if name not in files:
            return problem(Refusal(404, "board", "there is no such page", "go to /"))
        return _response(request, files[name])

    return [Route("/", page), Route("/{name:path}", page)]


def _files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the files of the front end by their names below the folder; links are none of them."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(parent) / name
            if path.suffix in _KINDS and not path.is_symlink():
                found[path.relative_to(folder).as_posix()] = path
    return found


def _response(request: Request, path: pathlib.Path) -> Response:
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"cache-control": "no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "content-type": _KINDS[path.suffix]})
