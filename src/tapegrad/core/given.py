"""``out=``: results written into tensors that the caller gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import DTypeError, GradError, ShapeError, UsageError, warn
from .graph import STATE
from .methods import overwrite
from .tensor import Tensor

__all__ = ["write_given"]


# What PyTorch writes into its own dtype alone.
_EXACT = frozenset(
    {
        "amax",
        "amin",
        "aminmax",
        "complex",
        "gather",
        "index_select",
        "masked_select",
        "max",
        "min",
        "multinomial",
        "polar",
        "take",
    }
)
# What reads its inputs in another order than it writes, so that they must not share memory with ``out``.
_APART = frozenset({"cat", "concat", "concatenate", "gather", "index_select", "kthvalue", "masked_select", "take"})


def write_given(who: str, out: Any, result: Any, inputs: Iterable = ()) -> Any:
    """Write a result, or several, into the tensors given as ``out``, and return those.

    A tensor of another shape is resized, with a warning unless it is empty. Raises GradError where gradients would be
    lost, DTypeError for a dtype that cannot be written into that of ``out``, UsageError for what is no tensor.
    Source: https://pytorch.org/docs/stable/notes/broadcasting.html
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise UsageError(who, f"there are {len(result)} results", f"give {len(result)} tensors as out=(...)")
        for given, value in zip(out, result, strict=True):
            write_given(who, given, value, inputs)
        return getattr(type(result), "_make", tuple)(out)
    if not isinstance(out, Tensor):
        raise UsageError(who, f"out is a {type(out).__name__}", "give a tensor")
    if STATE.grad_enabled and (result.requires_grad or out.requires_grad):
        raise GradError(
            who, "out= has no gradient, and an argument requires one", "write without out=, or inside no_grad()"
        )
    _check_memory(who, out.array, inputs)
    if who in _EXACT and out.dtype != result.dtype:
        raise DTypeError(who, f"out is {out.dtype}, the result {result.dtype}", "give a tensor of that dtype")
    if out.array.shape != result.array.shape:
        resize(who, out, result.array.shape)
    return overwrite(out, result, who)


def _check_memory(who: str, out: np.ndarray, inputs: Iterable) -> None:
    """Raise ShapeError where elements of ``out`` share a place with each other, or with other places of an input."""
    doubled = out.size and any(n > 1 and not step for n, step in zip(out.shape, out.strides, strict=True))
    if doubled or not out.flags.writeable:
        raise ShapeError(who, "several elements of out share one place in memory", "give a tensor of its own memory")
    for x in inputs:
        if isinstance(x, (tuple, list)):
            _check_memory(who, out, x)
        elif isinstance(x, Tensor) and x.array is out and who in _APART:
            raise ShapeError(who, "out is one of the inputs", "give another tensor")
        elif isinstance(x, Tensor) and np.may_share_memory(out, x.array):
            same = x.array.ctypes.data == out.ctypes.data and x.array.strides == out.strides and x.shape == out.shape
            if (who in _APART or not same) and _share(out, x.array):
                raise ShapeError(who, "out shares memory with an input", "give a tensor of its own memory")


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=1000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def resize(who: str, out: Tensor, shape: tuple) -> None:
    """Give ``out`` memory for another shape, with a warning when it held elements."""
    if STATE.tracer is not None:
        STATE.tracer.refuse(who, "out= is resized inside the step", f"give a tensor of shape {tuple(shape)}")
    if out.array.size:
        warn(
            who,
            f"out of shape {tuple(out.array.shape)} was resized to {tuple(shape)}",
            "give a tensor of that shape, or an empty one",
        )
    out.array = np.empty(shape, out.array.dtype)
