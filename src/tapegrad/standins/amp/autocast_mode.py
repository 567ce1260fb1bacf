"""The context in which PyTorch computes in half precision, and tapegrad as ever."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


class autocast:  # noqa: N801
    """A context manager and decorator that changes nothing: operations keep the dtype of their inputs.

    >>> import tapegrad as tg
    >>> with tg.autocast("cuda", dtype=tg.bfloat16):
    ...     (tg.ones(2) @ tg.ones(2)).dtype
    dtype('float32')

    Source: https://docs.pytorch.org/docs/stable/amp.html
    """

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None):
        self.device = device_type
        self.fast_dtype = dtype
        self.enabled = enabled
        self.cache_enabled = cache_enabled

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def __call__(self, func: Callable) -> Callable:
        """Return the function as it is."""
        return func


def is_autocast_available(device_type: str) -> bool:
    """Return False: nothing is ever computed in half precision unless its tensors are."""
    return False


def custom_fwd(
    fwd: Callable | None = None, *, device_type: str | None = None, cast_inputs: Any = None
) -> Callable[..., Any]:
    """Decorate the ``forward`` of a ``Function`` for use within :class:`autocast`: return it as it is."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    return fwd


def custom_bwd(bwd: Callable | None = None, *, device_type: str | None = None) -> Callable[..., Any]:
    """Decorate the ``backward`` of a ``Function`` for use within :class:`autocast`: return it as it is."""
    return bwd if bwd is not None else functools.partial(custom_bwd, device_type=device_type)
