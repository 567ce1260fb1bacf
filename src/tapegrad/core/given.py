"""``out=``: results written into tensors that the caller gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GradError, ShapeError, UsageError, warn
from .graph import STATE
from .methods import overwrite
from .tensor import Tensor

__all__ = ["write_given"]


def write_given(who: str, out: Any, result: Any) -> Any:
    """Write a result, or several, into the tensors given as ``out``, and return those.

    A tensor of another shape is resized, with a warning unless it is empty. Raises GradError where gradients would be
    lost, DTypeError for a dtype that cannot be written into that of ``out``, UsageError for what is no tensor.
    Source: https://pytorch.org/docs/stable/notes/broadcasting.html
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise UsageError(who, f"there are {len(result)} results", f"give {len(result)} tensors as out=(...)")
        for given, value in zip(out, result, strict=True):
            write_given(who, given, value)
        return result._make(out) if hasattr(result, "_make") else tuple(out)
    if not isinstance(out, Tensor):
        raise UsageError(who, f"out is a {type(out).__name__}", "give a tensor")
    if STATE.grad_enabled and (result.requires_grad or out.requires_grad):
        raise GradError(
            who, "out= has no gradient, and an argument requires one", "write without out=, or inside no_grad()"
        )
    if out.array.shape != result.array.shape:
        resize(who, out, result.array.shape)
    if not out.array.flags.writeable:
        raise ShapeError(who, "several elements of out share one place in memory", "give a tensor of its own memory")
    return overwrite(out, result, who)


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
