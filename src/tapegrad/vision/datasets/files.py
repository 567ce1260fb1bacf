"""Where data sets lie, and how they get there."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np

from ...errors import DataError

__all__ = ["data_root", "download_file", "find_file", "find_or_download", "load_arrays", "md5_of", "roots"]

_TIMEOUT = 30.0
_CHUNK = 1 << 16


def data_root() -> pathlib.Path:
    """Return the folder of data sets: the environment variable ``TAPEGRAD_DATA``, or ``data`` where the program runs."""
    return pathlib.Path(os.environ.get("TAPEGRAD_DATA") or "data")


def roots(own: pathlib.Path) -> list[pathlib.Path]:
    """Return the folders in which a data set is looked for: its own, and ``TAPEGRAD_DATA`` where that is set."""
    shared = os.environ.get("TAPEGRAD_DATA")
    return [own, pathlib.Path(shared)] if shared else [own]


def find_file(root: pathlib.Path, folders: Iterable[str], names: Iterable[str]) -> pathlib.Path | None:
    """Return the first of the named files in the first folder under ``root`` that has one, or None."""
    names = list(names)
    return next((path for folder in folders for name in names if (path := root / folder / name).is_file()), None)


def find_or_download(
    who: str, name: str, md5: str, mirrors: Sequence[str], root: pathlib.Path, download: bool
) -> pathlib.Path:
    """Return the file of a data set that is one file: in a root or its folder named as the set, or fetched if asked.

    Raises DataError when it is nowhere, and as :func:`download_file` does.
    """
    found = (find_file(place, (who, who.lower(), "."), (name,)) for place in roots(root))
    path = next(filter(None, found), None)
    if path is None and download:
        return download_file(who, name, md5, mirrors, root)
    if path is None:
        raise DataError(
            who,
            f"there is no {name} in {root.absolute()} or its folder {who}",
            "put it there, name another root (or set TAPEGRAD_DATA), or pass download=True",
        )
    return path


def load_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of a NumPy archive; see :func:`tapegrad.formats.load_npz`, loaded only when there is one to read."""
    from ...formats.npz import load_npz

    return load_npz(path)


def md5_of(path: str | os.PathLike) -> str:
    """Return the MD5 checksum of a file, which data sets are published with: a check against accidents, not attacks."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download_file(who: str, name: str, md5: str, mirrors: Sequence[str], folder: str | os.PathLike) -> pathlib.Path:
    """Fetch a file from the first mirror that has it whole, and return its path; a file that is there already stays.

    It appears under its name only when all of it has come and its checksum is right.
    Raises DataError, with what each mirror answered and where to put the file by hand, when none works.
    """
    import logging

    log = logging.getLogger("tapegrad")
    target = pathlib.Path(folder) / name
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for mirror in mirrors:
        url = mirror + name
        try:
            _fetch(url, target, md5)
        except _MirrorError as error:
            log.info("%s: %s", url, error)
            reasons.append(f"{url} ({error})")
        else:
            log.info("%s: downloaded %s", who, url)
            return target
    raise DataError(
        who,
        f"{name} could not be downloaded: " + ", ".join(reasons or ["there are no mirrors"]),
        f"check the connection, or put the file into {target.parent} by hand",
    )


class _MirrorError(Exception):
    """What went wrong with one mirror."""


def _fetch(url: str, target: pathlib.Path, md5: str) -> None:
    # Loaded only here: they take longer than the rest of this room together.
    import hashlib
    import http.client
    import urllib.request

    from ...formats.atomic import atomic_file

    digest = hashlib.md5(usedforsecurity=False)
    request = urllib.request.Request(url, headers={"User-Agent": "tapegrad"})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _MirrorError(_reason(error)) from None
    with response, atomic_file(target) as file:
        while chunk := _next_chunk(response):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != md5:
            raise _MirrorError(f"what came has the MD5 {digest.hexdigest()} instead of {md5}")


def _next_chunk(response: IO[bytes]) -> bytes:
    import http.client

    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorError(_reason(error)) from None


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return " ".join(str(reason).split()) or type(error).__name__
