"""A run's folder: configuration, metrics, checkpoints, pictures."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import platform
import time
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileFormatError, did_you_mean
from ..formats.atomic import write_atomically
from ..version import __version__

__all__ = ["Run", "environment"]


def environment() -> dict[str, Any]:
    """Return what a result can depend on beside the configuration: versions, BLAS, threads, machine."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})  # type: ignore[union-attr]
    return {
        "tapegrad": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
    }


class Run:
    """The folder of one training.

    ``config.json`` says what was asked for and where it ran, ``events.jsonl`` holds one line per event (the truth),
    ``metrics.csv`` the epochs as a table, ``checkpoints/`` the weights, ``pictures/`` the PNG files.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        self.checkpoints = self.folder / "checkpoints"
        self.pictures = self.folder / "pictures"

    @classmethod
    def create(cls, parent: str | os.PathLike, name: str, config: dict[str, Any]) -> Run:
        """Make a new folder ``name-DATE-TIME`` under ``parent`` and write its configuration."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            folder = pathlib.Path(parent) / (f"{name}-{stamp}" + (f"-{number}" if number > 1 else ""))
            try:
                folder.mkdir(parents=True)
                break
            except FileExistsError:
                continue
        else:
            raise ArgumentError("run", f"no free name for a run under {parent}", "choose another folder with --runs")
        run = cls(folder)
        run.checkpoints.mkdir()
        run.pictures.mkdir()
        text = json.dumps({"config": config, "environment": environment()}, indent=2)
        write_atomically(folder / "config.json", text.encode())
        return run

    @classmethod
    def find(cls, name: str | os.PathLike, parent: str | os.PathLike = "runs") -> Run:
        """Return the run of a path, or of a name under ``parent``.

        Raises ArgumentError, naming the nearest run, when there is none.
        """
        for folder in (pathlib.Path(name), pathlib.Path(parent) / name):
            if (folder / "config.json").is_file():
                return cls(folder)
        known = [p.parent.name for p in sorted(pathlib.Path(parent).glob("*/config.json"))]
        hint = did_you_mean(str(name), known) if known else f"there is no run under {parent}: train one first"
        raise ArgumentError("run", f"there is no run '{name}'", hint)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that the run was started with."""
        path = self.folder / "config.json"
        try:
            return json.loads(path.read_text())["config"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FileFormatError(str(path), f"cannot be read ({error})", "restore it, or train again") from None

    def log(self, kind: str, **values: Any) -> None:
        """Append one event."""
        line = json.dumps({"event": kind, "time": round(time.time(), 3), **values})
        with open(self.folder / "events.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind; a torn last line, left by a killed process, is passed over."""
        path = self.folder / "events.jsonl"
        if not path.is_file():
            return []
        found = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and event.get("event") == kind:
                found.append(event)
        return found

    def write_table(self, records: list[dict[str, Any]]) -> None:
        """Write the epochs' records as ``metrics.csv``."""
        if not records:
            return
        columns = list(dict.fromkeys(key for record in records for key in record))
        with open(self.folder / "metrics.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(records)
