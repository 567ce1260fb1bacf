"""``torch.types``: what annotations name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from tapegrad.array import Device as _DeviceClass
from tapegrad.core import Size, Tensor

__all__ = ["Device", "FileLike", "Number", "Storage", "_bool", "_dtype", "_float", "_int", "_size"]

_int, _float, _bool, _dtype = int, float, bool, np.dtype
_size: TypeAlias = Size | list[int] | tuple[int, ...]
Number: TypeAlias = int | float | bool
Device: TypeAlias = _DeviceClass | str | int | None
FileLike: TypeAlias = str | os.PathLike | Any
Storage: TypeAlias = Any
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_symsize: TypeAlias = _size
_complex: TypeAlias = complex
_device: TypeAlias = _DeviceClass
_layout: TypeAlias = Any
