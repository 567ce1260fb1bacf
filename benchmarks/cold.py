"""The way a user waits for: a process from nothing to 97 % on MNIST's test digits, by the clock on the wall."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time
from typing import Any

from .clock import summary

FOLDER = pathlib.Path(__file__).parent / "cold_start"
# The scripts are equal in design: data set, network, rate, batch size, a test after each epoch.
SCRIPTS = {
    "tapegrad, eager": ("tapegrad_script.py",),
    "tapegrad, compiled": ("tapegrad_script.py", "compiled"),
    "PyTorch, fused": ("torch_script.py",),
    "PyTorch, fused, batched sampler": ("torch_script.py", "batched"),
}


def cold_start(rounds: int, environment: dict[str, str]) -> dict[str, Any]:
    """Run the scripts in turn; the first turn, which fills the disk cache, does not count."""
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    ends: dict[str, str] = {}
    failures: dict[str, str] = {}
    for turn in range(rounds + 1):
        for name, (script, *arguments) in SCRIPTS.items():
            if name in failures:
                continue
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(FOLDER / script), *arguments], capture_output=True, text=True, env=environment
            )
            taken = time.perf_counter() - start
            if done.returncode:
                failures[name] = (done.stderr.strip().splitlines() or ["no message"])[-1]
                continue
            ends[name] = done.stdout.strip().splitlines()[-1]
            if turn:
                times[name].append(taken)
    columns = {
        name: summary(values) | {"accuracy": float(ends[name].split()[0]), "epochs": int(ends[name].split()[1])}
        for name, values in times.items()
        if values and name not in failures
    }
    return {"columns": columns, "failures": failures}
