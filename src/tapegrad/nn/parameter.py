"""Parameters and buffers: the tensors that a Module holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..core import Parameter, Tensor, as_array, wrap

__all__ = ["Buffer", "Parameter"]


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer when it is assigned to an attribute.

    Only a ``persistent`` one becomes part of the module's ``state_dict()``.
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        self = wrap(np.zeros(0, get_default_dtype()) if data is None else as_array(data), cls=cls)
        if isinstance(data, Tensor):
            self.memory = data.memory
        self.persistent = persistent
        return self  # type: ignore[return-value]


def clear_gradient(tensor: Tensor, set_to_none: bool) -> None:
    """Forget a tensor's gradient, or write zeros into it and cut it off from the graph."""
    if set_to_none:
        tensor.grad = None
        return
    if tensor.grad is not None:
        tensor.grad.detach_().zero_()
