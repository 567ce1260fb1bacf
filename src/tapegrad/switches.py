"""PyTorch's switches: what has no meaning for NumPy on a CPU is accepted and remembered, so that scripts run."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Device, available
from .core import STATE, Tensor
from .errors import ArgumentError

__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_default_device",
    "get_float32_matmul_precision",
    "is_anomaly_enabled",
    "is_inference_mode_enabled",
    "set_default_device",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "typename",
    "use_deterministic_algorithms",
]

_held: dict[str, Any] = {
    "deterministic": False,
    "warn_only": False,
    "matmul": "highest",
    "warn_always": False,
    "interop": 1,
    "autocast": {"cpu": False, "cuda": False},
    "autocast_dtype": {"cpu": np.dtype(np.float32), "cuda": np.dtype(np.float16)},
    "autocast_cache": True,
    "autocast_depth": 0,
}


# -- which results repeat -----------------------------------------------------------------------------------------------


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for algorithms whose results repeat. All of tapegrad's do."""
    _held["deterministic"], _held["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Return what :func:`use_deterministic_algorithms` was told."""
    return _held["deterministic"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return the ``warn_only`` that :func:`use_deterministic_algorithms` was told."""
    return _held["warn_only"]


_MODES = {"default": (False, False), "warn": (True, True), "error": (True, False)}


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """Do what :func:`use_deterministic_algorithms` does: ``"default"`` (0), ``"warn"`` (1) or ``"error"`` (2)."""
    names = list(_MODES)
    name = names[debug_mode] if isinstance(debug_mode, int) and 0 <= debug_mode < 3 else debug_mode
    if name not in _MODES:
        raise ArgumentError("set_deterministic_debug_mode", f"the mode is {debug_mode!r}", f"use {', '.join(names)}")
    _held["deterministic"], _held["warn_only"] = _MODES[name]


def get_deterministic_debug_mode() -> int:
    """Return 0, 1 or 2: the number of the mode that :func:`set_deterministic_debug_mode` takes."""
    return list(_MODES.values()).index((_held["deterministic"], _held["deterministic"] and _held["warn_only"]))


# -- precision and threads ----------------------------------------------------------------------------------------------


def set_float32_matmul_precision(precision: str) -> None:
    """Accept ``"highest"``, ``"high"`` or ``"medium"``: products of float32 matrices are computed in float32 always."""
    if precision not in ("highest", "high", "medium"):
        raise ArgumentError(
            "set_float32_matmul_precision", f"the precision is {precision!r}", "use 'highest', 'high' or 'medium'"
        )
    _held["matmul"] = precision


def get_float32_matmul_precision() -> str:
    """Return what :func:`set_float32_matmul_precision` was told."""
    return _held["matmul"]


def set_flush_denormal(mode: bool) -> bool:
    """Return False: NumPy cannot be told to take the smallest numbers for 0."""
    return False


def set_num_interop_threads(num_threads: int) -> None:
    """Remember a number of threads between operations, of which there is one."""
    if num_threads < 1:
        raise ArgumentError("set_num_interop_threads", f"{num_threads} threads", "use 1 or more")
    _held["interop"] = int(num_threads)


def get_num_interop_threads() -> int:
    """Return what :func:`set_num_interop_threads` was told."""
    return _held["interop"]


def set_warn_always(b: bool) -> None:
    """Remember whether every warning should be shown; Python's ``warnings`` filters decide."""
    _held["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """Return what :func:`set_warn_always` was told."""
    return _held["warn_always"]


# -- devices ------------------------------------------------------------------------------------------------------------


def set_default_device(device: Any) -> None:
    """Accept the CPU, where all tensors live. Raises ArgumentError for another device."""
    if device is not None:
        available(device)


def get_default_device() -> Device:
    """Return the CPU, where all tensors live."""
    return Device("cpu")


def get_device_module(device: Any = None) -> Any:
    """Return the module of a device: ``tapegrad.cpu``. Raises ArgumentError for a device that is not available."""
    import importlib

    return importlib.import_module(f".{Device('cpu' if device is None else device).type}", __package__)


def is_vulkan_available() -> bool:
    """Return False."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """Return True, as PyTorch's packages do."""
    return True


def get_file_path(*path_components: str) -> str:
    """Return the path of a file beside the package."""
    import os

    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), *path_components)


def typename(obj: Any) -> str:
    """Return the name of an object's type with its module; of a tensor that of its legacy type.

    >>> import tapegrad as tg
    >>> tg.typename(tg.ones(1))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None)
    return kind.__qualname__ if module in (None, "builtins") else f"{module}.{kind.__qualname__}"


# -- recording ----------------------------------------------------------------------------------------------------------


def is_anomaly_enabled() -> bool:
    """Return whether recorded operations remember the lines that called them."""
    return STATE.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether anomaly mode looks for nan as well."""
    return STATE.check_nan


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Switch anomaly mode on or off."""
    STATE.anomaly, STATE.check_nan = bool(mode), bool(check_nan)


def is_inference_mode_enabled() -> bool:
    """Return whether :class:`tapegrad.inference_mode` is on."""
    return STATE.inference


# -- lower precision, which nothing is computed in ------------------------------------------------------------------------


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Return what :func:`set_autocast_enabled` was told; computations keep the dtype of their inputs anyway."""
    return _held["autocast"].get(device_type, False)


def set_autocast_enabled(*args: Any) -> None:
    """Remember whether lower precision is wanted, for a device (``"cpu"``, ``"cuda"``) or for the GPU."""
    device, enabled = args if len(args) == 2 else ("cuda", args[0])
    _held["autocast"][device] = bool(enabled)


def is_autocast_cpu_enabled() -> bool:
    """Return :func:`is_autocast_enabled` for the CPU."""
    return _held["autocast"]["cpu"]


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Do :func:`set_autocast_enabled` for the CPU."""
    _held["autocast"]["cpu"] = bool(enabled)


def is_autocast_available(device_type: str) -> bool:
    """Return whether a device takes part: the CPU alone."""
    return device_type == "cpu"


def get_autocast_dtype(device_type: str) -> np.dtype:
    """Return the dtype that :func:`set_autocast_dtype` was told for a device."""
    return _held["autocast_dtype"].get(device_type, np.dtype(np.float32))


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Remember the dtype that lower precision would be computed in."""
    _held["autocast_dtype"][device_type] = np.dtype(dtype)


def get_autocast_cpu_dtype() -> np.dtype:
    """Return :func:`get_autocast_dtype` for the CPU."""
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: Any) -> None:
    """Do :func:`set_autocast_dtype` for the CPU."""
    set_autocast_dtype("cpu", dtype)


def get_autocast_gpu_dtype() -> np.dtype:
    """Return :func:`get_autocast_dtype` for the GPU."""
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype: Any) -> None:
    """Do :func:`set_autocast_dtype` for the GPU."""
    set_autocast_dtype("cuda", dtype)


def is_autocast_cache_enabled() -> bool:
    """Return what :func:`set_autocast_cache_enabled` was told."""
    return _held["autocast_cache"]


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Remember whether casts may be kept. There are none."""
    _held["autocast_cache"] = bool(enabled)


def clear_autocast_cache() -> None:
    """Do nothing: no casts are kept."""


def autocast_increment_nesting() -> int:
    """Return how deep lower precision is nested, one deeper now."""
    _held["autocast_depth"] += 1
    return _held["autocast_depth"]


def autocast_decrement_nesting() -> int:
    """Return how deep lower precision is nested, one less deep now."""
    _held["autocast_depth"] -= 1
    return _held["autocast_depth"]
