"""Which networks' own Python files this user has trained with: written down outside the runs' folders, which may be anybody's.

A run's folder can be made by whoever writes files, with whatever notes they like. What may run a network's file without
being asked for it, as the board does, looks here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import stat
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import TapegradError, warn
from ..formats.atomic import write_atomically
from ..train.lines import dump, load
from ..train.process import locked
from .schema import Config

__all__ = ["doubt_about", "note", "state_folder"]

# Of more trainings the oldest are forgotten.
_MOST = 5_000
_MOST_BYTES = 8_000_000
_SECONDS = 10.0


def state_folder() -> pathlib.Path:
    """Return the folder of what is remembered between commands.

    ``TAPEGRAD_STATE`` names it; else it is ``tapegrad`` below ``XDG_STATE_HOME``, below ``LOCALAPPDATA`` on Windows, or
    below ``~/.local/state``. Raises RuntimeError when there is no home either.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if own := os.environ.get("TAPEGRAD_STATE"):
        return pathlib.Path(own).expanduser()
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME", "")
    # A relative one is to be passed over, as the specification says.
    return (pathlib.Path(base) if os.path.isabs(base) else pathlib.Path.home() / ".local" / "state") / "tapegrad"


def note(config: Config, folder: str | os.PathLike, sources: Mapping[str, str]) -> None:
    """Note that a run is trained with its network's own file, whose SHA-256 is among ``sources``.

    Nothing is noted of a network without a file. Where nothing can be written, a warning says so; a training does not end
    for it.
    """
    if config.model.module is None:
        return
    entry = {"sha256": sources[_path(config)], "network": _network(config)}
    try:
        place = state_folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(place, "trust", wait=_SECONDS):
            noted = _read(place / "trained.json")
            noted.pop(key := os.path.realpath(folder), None)
            kept = [*noted.items(), (key, entry)][-_MOST:]
            write_atomically(place / "trained.json", dump(dict(kept), indent=0).encode("utf-8", "replace"))
            with contextlib.suppress(OSError):
                os.chmod(place / "trained.json", 0o600)
    except (OSError, RuntimeError, TapegradError) as error:
        warn("trust", f"this training cannot be noted ({error})", "set TAPEGRAD_STATE to a folder of your own")


def doubt_about(
    config: Config, folder: str | os.PathLike, sha256: str
) -> Literal["", "unknown", "another network", "another file"]:
    """Return why a run's network is not known to be what this user trained there; "" where it is known."""
    try:
        entry = _read(state_folder() / "trained.json").get(os.path.realpath(folder))
    except (OSError, RuntimeError):
        entry = None
    if not isinstance(entry, dict):
        return "unknown"
    if entry.get("network") != _network(config):
        return "another network"
    return "" if entry.get("sha256") == sha256 else "another file"


def _path(config: Config) -> str:
    return (config.model.module or "").rpartition(":")[0]


def _network(config: Config) -> str:
    """Return what tells a recipe's network from others: which name of which file is called with what."""
    return hashlib.sha256(dump([config.model.module, config.model.arguments]).encode("utf-8", "replace")).hexdigest()


def _read(path: pathlib.Path) -> dict[str, Any]:
    """Return what is noted, nothing where the file is damaged, or where another user could have written it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        own = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
        text = file.read(_MOST_BYTES + 1) if own and stat.S_ISREG(status.st_mode) else b""
    try:
        noted = load(text.decode("utf-8", "replace")) if len(text) <= _MOST_BYTES else {}
    except (ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}
