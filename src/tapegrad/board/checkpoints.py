"""The states of a run that can be looked into, each with a number that requests name it by."""

from __future__ import annotations

import os
import pathlib
import re
import threading
from typing import Any

from ..errors import TapegradError
from ..formats.safetensors import read_header
from ..train.lines import load
from .files import is_plain_folder, open_plain
from .refusal import Refusal

__all__ = ["Checkpoints"]

_MOST = 2_000
# A header of more bytes is not read for its position: what a training writes has some thousand.
_MOST_HEADER = 8_000_000
_NAME = re.compile(r"(initial|best|last|epoch-[0-9]{1,9}|step-[0-9]{1,12})\.safetensors")


class Checkpoints:
    """The states below ``checkpoints/`` and ``snapshots/`` of a run's folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._positions: dict[tuple[str, str], tuple[tuple[int, int, int], dict[str, int]]] = {}

    def listed(self) -> list[dict[str, Any]]:
        """Return the states in the order of their steps: number, step, epoch, kind and name.

        Raises Refusal when a folder cannot be read.
        """
        with self._lock:
            found = [self._described(place) for place in self._files()]
        order = ("initial", "snapshot", "best", "last")
        return sorted(found, key=lambda entry: (entry["step"], order.index(entry["kind"]), entry["id"]))

    def path(self, number: int | None) -> tuple[int, pathlib.Path]:
        """Return number and path of a state; without a number the best, the last or the first.

        Raises Refusal when there is none, or a folder cannot be read.
        """
        states = self.listed()
        if number is None:
            for kind in ("best", "last", "snapshot", "initial"):
                chosen = [state for state in states if state["kind"] == kind]
                if chosen:
                    number = chosen[-1]["id"]
                    break
        with self._lock:
            place = next((place for place, known in self._numbers.items() if known == number), None)
        if place is None or number not in [state["id"] for state in states]:
            what = "there is none yet" if not states else f"there is no state {number}"
            raise Refusal(404, "checkpoint", what, "choose one of the run's checkpoints")
        assert number is not None
        return number, self.folder.joinpath(*place)

    def _files(self) -> list[tuple[str, str]]:
        found = []
        for part in ("checkpoints", "snapshots"):
            if is_plain_folder(self.folder / part):
                found += [(part, name) for name in sorted(_names(self.folder / part))]
        return found[:_MOST]

    def _described(self, place: tuple[str, str]) -> dict[str, Any]:
        number = self._numbers.setdefault(place, len(self._numbers) + 1)
        name = place[1].removesuffix(".safetensors")
        kind = name if name in ("initial", "best", "last") else "snapshot"
        return {"id": number, "kind": kind, "name": name, **self._position(place, name)}

    def _position(self, place: tuple[str, str], name: str) -> dict[str, Any]:
        word, _, count = name.partition("-")
        if word == "step":
            return {"step": int(count), "epoch": None}
        try:
            status = os.lstat(self.folder.joinpath(*place))
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            seen = (0, 0, 0)
        if self._positions.get(place, (None,))[0] != seen:
            self._positions[place] = seen, self._read(place)
        return dict(self._positions[place][1])

    def _read(self, place: tuple[str, str]) -> dict[str, int]:
        """Return where a training was, as a checkpoint's header says."""
        try:
            with open_plain(self.folder, *place) as file:
                if int.from_bytes(file.read(8), "little") > _MOST_HEADER:
                    raise ValueError("its header is too long")
                file.seek(0)
                metadata = read_header(place[1], file)[1]
            position = load(metadata["tapegrad"])["position"]
            found = {name: position[name] for name in ("step", "epoch")}
            if all(type(count) is int and 0 <= count < 1 << 53 for count in found.values()):
                return found
        except (OSError, TapegradError, KeyError, TypeError, ValueError, RecursionError):
            pass
        return {"step": 0, "epoch": 0}


def _names(folder: pathlib.Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [e.name for e in entries if _NAME.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        what = f"the folder {folder.name} cannot be read ({error.strerror})"
        raise Refusal(403, "checkpoint", what, "give yourself the permission to read it") from None
