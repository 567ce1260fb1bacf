"""``torch.utils.dlpack``: sharing memory with other array packages."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..ops import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """Return a capsule of DLPack with the tensor's memory."""
    return tensor.__dlpack__()
