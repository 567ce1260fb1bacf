"""The columns: one file for each library, imported only when its column is wanted."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..workloads import Case, Runner, Workload

# In the order of the table's columns. Each has ``columns(workload)``: names, and what makes a Runner from a Case.
MODULES = ("tapegrad", "by_hand", "torch", "jax", "sklearn", "mygrad", "autograd", "onnxruntime", "limit")
# Those that have a data loader; PyTorch's workers are forks, in which threads of JAX could wait for ever.
LOADERS = ("tapegrad", "torch")
# Those for which networks that read sequences need not be written again.
ALIKE = ("tapegrad", "torch")
Maker = Callable[[Case], Runner]


def columns(workload: Workload) -> tuple[dict[str, Maker], dict[str, str]]:
    """Return what makes each column of a row, and the reason why a library is missing."""
    makers: dict[str, Maker] = {}
    failures: dict[str, str] = {}
    modules = LOADERS if workload.kind == "epoch" else ALIKE if workload.group == "sequence" else MODULES
    for name in modules:
        try:
            makers |= importlib.import_module(f".{name}", __name__).columns(workload)
        except Exception as error:
            failures[name] = reason(error)
    return makers, failures


def module_of(column: str) -> str:
    """Return the file that makes a column.

    >>> module_of("PyTorch, fused"), module_of("tapegrad, eager"), module_of("bytes alone")
    ('torch', 'tapegrad', 'limit')
    """
    starts = {
        "PyTorch": "torch",
        "JAX": "jax",
        "scikit-learn": "sklearn",
        "MyGrad": "mygrad",
        "autograd": "autograd",
        "ONNX Runtime": "onnxruntime",
        "tapegrad": "tapegrad",
        "NumPy by hand": "by_hand",
    }
    return next((module for start, module in starts.items() if column.startswith(start)), "limit")


def makers_of(module: str, workload: Workload) -> dict[str, Maker]:
    return importlib.import_module(f".{module}", __name__).columns(workload)


def reason(error: BaseException) -> str:
    """Return an error's kind and first line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def training_step(forward: Callable[[Any, Any], Any], optimizer: Any) -> Callable[[Any, Any], Any]:
    """Return the step that a user writes, with PyTorch and with tapegrad; ``forward(x, y)`` is the loss."""

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step
