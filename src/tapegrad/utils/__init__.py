"""Helpers around training, under PyTorch's names: ``tapegrad.utils.data``, ``tensorboard``, ``checkpoint``."""

import importlib
from types import ModuleType

from . import data

__all__ = ["data"]

_LATER = ("_pytree", "checkpoint", "dlpack", "hooks", "model_zoo", "tensorboard")


def __getattr__(name: str) -> ModuleType:
    if name in _LATER:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'tapegrad.utils' has no attribute '{name}'")
