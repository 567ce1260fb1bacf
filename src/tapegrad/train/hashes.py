"""SHA-256 sums of arrays: equal sums mean equal bits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import as_array

__all__ = ["hash_arrays", "hash_model"]


def hash_arrays(arrays: Mapping[str, Any], *texts: str) -> str:
    """Return the SHA-256 of arrays, in the order of their names, and of texts: names, dtypes, shapes and bytes.

    >>> import tapegrad as tg
    >>> hash_arrays({"a": tg.zeros(2)}) == hash_arrays({"a": np.zeros(2, np.float32)})
    True
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = as_array(arrays[name])
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
        digest.update(f"{name}\n{array.dtype.str}\n{array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()


def hash_model(model: Any) -> str:
    """Return the SHA-256 of a model's weights and buffers."""
    return hash_arrays(model.state_dict())
