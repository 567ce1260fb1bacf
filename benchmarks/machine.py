"""What the figures were measured on: processor, caches, memory, versions."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import pathlib
import platform
import subprocess
from typing import Any

VERSIONS = [
    *("numpy", "torch", "jax", "jaxlib", "scikit-learn", "scipy", "mygrad", "autograd"),
    *("onnxruntime", "numba", "llvmlite", "threadpoolctl", "tapegrad"),
]
# Every library that keeps threads is told, before it is loaded.
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NPROC",  # XLA
)


def environment(threads: int) -> dict[str, str]:
    fixed = {"JAX_PLATFORMS": "cpu", "TORCHINDUCTOR_COMPILE_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return dict(os.environ) | dict.fromkeys(VARIABLES, str(threads)) | fixed


def keep_to(threads: int) -> None:
    """Keep this process and its children on as many processors as there are threads, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "caches": caches(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
        "commit": commit(),
        "blas": blas(),
    }


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Return the model, with the widest vector instructions."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    widest = next(
        (name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in fields.get("flags", "").split()),
        "",
    )
    return " ".join(part for part in (fields.get("model name", platform.machine()), widest) if part)


def caches() -> str:
    found = []
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)


def memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def blas() -> str:
    import numpy as np

    info = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[index]
    return f"{info['name']} {info['version']}"


def describe(results: dict[str, Any]) -> str:
    """Return the lines about machine, versions and threads."""
    found, threads = results.get("machine"), results.get("threads")
    if not found:
        return ""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    pools = sorted({pool for row in results.get("rows", {}).values() for pool in row.get("pools", ())})
    quick = (
        ["**A quick run: few rounds, to see that all works. Not figures to quote.**\n"] if results.get("quick") else []
    )
    lines = [
        *quick,
        f"- Machine: {found['processor']}, {found['cores']} cores, caches {found['caches']}, {found['memory']}; {found['system']}",
        f"- Python {found['python']}; {versions}; NumPy's BLAS: {found['blas']}; commit {found['commit']}; all in one environment",
        f"- Threads: {threads} for every library ({', '.join(VARIABLES)}, `torch.set_num_threads`, ONNX Runtime's intra_op; "
        f"pools as loaded: {', '.join(pools)}); the process is kept to {threads} processors",
    ]
    return "\n".join(lines)
