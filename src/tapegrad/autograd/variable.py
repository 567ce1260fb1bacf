"""PyTorch's oldest name for a tensor with a gradient."""

from __future__ import annotations

from typing import Any

from ..core import Tensor

__all__ = ["Variable"]


class _AnyTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_AnyTensor):
    """``Variable(t)`` is a tensor that shares memory with ``t``; every Tensor is an instance of it.

    >>> import tapegrad as tg
    >>> isinstance(tg.autograd.Variable(tg.ones(2), requires_grad=True), tg.Tensor)
    True
    """

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:  # type: ignore[misc]
        """Return the tensor."""
        return data.detach().requires_grad_(requires_grad)
