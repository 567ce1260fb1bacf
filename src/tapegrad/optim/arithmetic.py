"""What lets one text of an update run on arrays, fast, and on tensors, so that a trace records it.

Updates are written with operators, in-place operators and ``ops``, all of which both have. Scalars that change from
step to step (the step's number, a learning rate) are Python floats while arrays are updated, 0-d tensors in a trace.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..core import STATE, Tensor, TracedNumber, ops, wrap
from ..core.methods import overwrite
from ..errors import ArgumentError

__all__ = [
    "FOLLOWING",
    "assign",
    "check_betas",
    "check_not_negative",
    "check_rate",
    "choose",
    "count",
    "into",
    "native",
    "number",
    "on_arrays",
    "read",
    "scalar",
    "smaller",
    "zeros_like",
]


class _Following(threading.local):
    """Whether the running thread updates tensors on the tape, as with ``differentiable=True``."""

    on = False


FOLLOWING = _Following()


def on_arrays() -> bool:
    """Return whether updates run on arrays: no trace is running, and no tape is to follow them."""
    return STATE.tracer is None and not FOLLOWING.on


def native(value: Any) -> Any:
    """Return a tensor's array, or the tensor itself while updates are traced or followed."""
    return value.array if isinstance(value, Tensor) and on_arrays() else value


def number(value: Any) -> Any:
    """Return a one-element tensor as a Python float, or as it is while updates are traced or followed."""
    return float(value.array) if isinstance(value, Tensor) and on_arrays() else value


def scalar(value: float = 0.0) -> Tensor:
    """Return a number that is part of an optimizer's state: float64, since it enters powers such as β^t."""
    return wrap(np.array(value, np.float64))


def read(value: Any) -> Any:
    """Return a state's 0-d array as a Python float, or its tensor as it is."""
    return value if isinstance(value, (Tensor, TracedNumber)) else float(value)


def count(step: Any) -> Any:
    """Add one to the number of the step, in place, and return it."""
    step += 1
    return read(step)


def into(buffer: np.ndarray | None, operation: Any, *inputs: Any) -> Any:
    """Return the operation's result, written into a buffer where there is one: fresh memory costs more than arithmetic."""
    return operation(*inputs) if buffer is None else operation.kernel(np, *inputs, out=buffer)


def assign(target: Any, value: Any) -> None:
    """Write a value into a state's memory."""
    if isinstance(target, TracedNumber):
        target.become(value)
    elif isinstance(target, Tensor):
        overwrite(target, value, "step")
    else:
        target[...] = value


def choose(condition: Any, a: Any, b: Any) -> Any:
    """Return ``a`` where the condition on a scalar holds, else ``b``."""
    if isinstance(condition, Tensor):
        return ops.where(condition, a, b)
    return a if condition else b


def smaller(a: Any, b: Any) -> Any:
    """Return the smaller of two scalars."""
    return ops.minimum(a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else min(a, b)


def zeros_like(p: Tensor) -> Tensor:
    """Return zeros of a parameter's shape and dtype, off the tape."""
    return wrap(np.zeros_like(p.array))


def check_not_negative(who: str, **values: Any) -> None:
    """Raise ArgumentError for a number below zero."""
    for name, value in values.items():
        if not number(value) >= 0.0:
            raise ArgumentError(who, f"{name} is {value}", "use 0 or more")


def check_rate(who: str, lr: Any) -> None:
    """Raise ArgumentError for a learning rate below zero, or one of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ArgumentError(who, f"lr has shape {tuple(lr.shape)}", "use a number or a 0-d tensor")
    check_not_negative(who, lr=lr)


def check_betas(who: str, betas: Any) -> None:
    """Raise ArgumentError for a rate of decay outside [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= number(beta) < 1.0:
            raise ArgumentError(who, f"betas[{i}] is {beta}", "use at least 0 and less than 1")
