"""What a result can depend on beside the configuration: versions, BLAS, threads, processor."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..version import __version__

__all__ = ["decisive_differences", "environment", "in_words"]

_FLAGS = ("sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16")
_FLAGS_ARM = ("asimd", "asimdhp", "sve", "sve2", "bf16")
# What decides about the bits of a product or of a random stream.
_DECISIVE = ("numpy", "blas", "blas_core", "threads", "cpu_flags", "machine", "tapegrad")


def environment() -> dict[str, Any]:
    """Return where a training runs. Equal entries on one machine give equal bits.

    ``blas`` (name and version), ``blas_core`` (the processor type that it chose), ``blas_layer`` and ``threads`` come from
    threadpoolctl where it is installed, else from what NumPy was built with and the environment's variables; ``cpu_flags``
    are those that decide which kernels run; ``cores`` are those that this process may use.

    >>> sorted(environment())[:4]
    ['blas', 'blas_config', 'blas_core', 'blas_layer']
    """
    return {
        "tapegrad": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        **_blas(),
        "cpu": _cpu_model(),
        "cpu_flags": _cpu_flags(),
        "cores": _cores(),
        "machine": platform.machine(),
        "system": platform.platform(),
    }


def decisive_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the entries that may change a training's bits and differ, as (before, now).

    >>> decisive_differences({"numpy": "2.3.0", "cores": 4}, {"numpy": "2.4.0", "cores": 8})
    {'numpy': ('2.3.0', '2.4.0')}
    """
    known = [key for key in _DECISIVE if before.get(key) is not None and now.get(key) is not None]
    return {key: (before[key], now[key]) for key in known if before[key] != now[key]}


def in_words(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Return differences as text.

    >>> in_words({"threads": (1, 2), "cpu_flags": (["avx2"], ["avx2", "avx512f"])})
    'threads 1 instead of 2, cpu_flags avx2 instead of avx2 avx512f'
    """

    def text(value: Any) -> str:
        return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

    return ", ".join(f"{key} {text(before)} instead of {text(now)}" for key, (before, now) in differences.items())


def _blas() -> dict[str, Any]:
    built: Mapping[str, Any] = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})  # type: ignore[union-attr]
    entries = {
        "blas": f"{built.get('name', 'unknown')} {built.get('version', '')}".strip(),
        "blas_core": None,
        "blas_layer": None,
        "blas_config": built.get("openblas configuration"),
        "threads": _threads_asked_for(),
    }
    loaded = _loaded_blas()
    if loaded is not None:
        entries["blas"] = f"{loaded['internal_api']} {loaded.get('version') or ''}".strip()
        entries["blas_core"] = loaded.get("architecture")
        entries["blas_layer"] = loaded.get("threading_layer")
        entries["threads"] = loaded["num_threads"]
    return entries


def _loaded_blas() -> Mapping[str, Any] | None:
    """Return what threadpoolctl says of NumPy's BLAS; other packages may have loaded one of their own."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    found = [entry for entry in threadpool_info() if entry.get("user_api") == "blas"]
    ours = [entry for entry in found if "numpy" in str(entry.get("filepath"))]
    return next(iter(ours or found), None)


def _threads_asked_for() -> int:
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return _cores()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_info() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return file.read(16_384)
    except OSError:
        return ""


def _cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", _cpu_info(), re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()


def _cpu_flags() -> list[str]:
    match = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _cpu_info(), re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    return [flag for flag in (*_FLAGS, *_FLAGS_ARM) if flag in flags]
