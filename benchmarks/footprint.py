"""Installed size with all dependencies, and import time."""

from __future__ import annotations

import importlib.metadata as metadata
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = {
    "tapegrad": "tapegrad",
    "PyTorch": "torch",
    "JAX": "jax",
    "scikit-learn": "scikit-learn",
    "MyGrad": "mygrad",
    "autograd": "autograd",
    "ONNX Runtime": "onnxruntime",
}
MODULES = {"scikit-learn": "sklearn.neural_network", "tapegrad": "tapegrad", "JAX": "jax.numpy"}
OURS = pathlib.Path(__file__).resolve().parent.parent / "src" / "tapegrad"


def closure(name: str) -> set[str]:
    """Return a distribution and all that it requires here, without extras."""
    found: set[str] = set()
    waiting = [canonicalize_name(name)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        wanted = map(Requirement, metadata.requires(name) or [])
        waiting += [canonicalize_name(r.name) for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


def size(name: str) -> int:
    """Return the bytes of a distribution's files, without what Python compiles from them."""
    if name == "tapegrad":  # installed as a link to this checkout
        files = [path for path in OURS.rglob("*") if path.is_file()]
    else:
        files = [pathlib.Path(str(file.locate())) for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc" and path.is_file())


def sizes() -> dict[str, dict[str, Any]]:
    result = {}
    for title, name in PACKAGES.items():
        needed = closure(name)
        result[title] = {
            "own": size(canonicalize_name(name)),
            "all": sum(map(size, needed)),
            "packages": sorted(needed - {canonicalize_name(name)}),
        }
    return result


def import_times(rounds: int) -> dict[str, float]:
    """Return the median seconds of a process that imports and ends; ``python`` is one that imports nothing."""
    commands = {"python": "pass", "NumPy": "import numpy"}
    commands |= {title: f"import {MODULES.get(title, name)}" for title, name in PACKAGES.items()}
    times: dict[str, list[float]] = {title: [] for title in commands}
    for turn in range(rounds + 1):
        for title, command in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", command], check=True, stdout=subprocess.DEVNULL)
            if turn:  # the first fills the disk cache
                times[title].append(time.perf_counter() - start)
    return {title: statistics.median(values) for title, values in times.items()}


def footprint(rounds: int) -> dict[str, Any]:
    return {"sizes": sizes(), "imports": import_times(rounds)}
