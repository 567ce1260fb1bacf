"""``torch.overrides``: classes that change what functions do with them. Here none are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tapegrad.core import Tensor

__all__ = ["handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"]
__all__ += ["is_tensor_like", "is_tensor_method_or_property"]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Return False."""
    return False


def has_torch_function_unary(obj: Any) -> bool:
    """Return False."""
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """Return False."""
    return False


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``public_api(*args, **kwargs)``."""
    return public_api(*args, **kwargs)


def is_tensor_like(inp: Any) -> bool:
    """Return whether the object is a Tensor."""
    return isinstance(inp, Tensor)


def is_tensor_method_or_property(func: Callable) -> bool:
    """Return whether a function is a method of Tensor."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func
