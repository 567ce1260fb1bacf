"""Tensors of given data: numbers, lists, NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..errors import ArgumentError, UsageError
from .graph import STATE, user_line
from .notes import note_cut
from .tensor import Tensor, wrap

__all__ = ["as_tensor", "from_numpy", "tensor"]


def _read_numbers(data: Any, to_default: bool) -> np.ndarray:
    if isinstance(data, (np.ndarray, np.generic)):
        return np.array(data)
    if isinstance(data, (list, tuple)) and any(isinstance(item, Tensor) for item in data):
        data = [item.tolist() if isinstance(item, Tensor) else item for item in data]
    try:
        array = np.array(data)
    except ValueError as error:
        raise ArgumentError(
            "tensor", f"the nested lists are of unequal length ({error})", "make every row as long as the others"
        ) from None
    if to_default and array.dtype.kind == "f" and not _holds_numpy(data):
        return array.astype(get_default_dtype())
    if to_default and array.dtype.kind == "c" and get_default_dtype() != np.float64 and not _holds_numpy(data):
        return array.astype(np.complex64)
    if array.dtype.kind not in "fiubc":
        raise UsageError(
            "tensor", f"cannot make a tensor of {type(data).__name__} (NumPy dtype {array.dtype})", "use numbers"
        )
    return array


def _holds_numpy(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, np.ndarray)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """Return a new leaf tensor with a copy of the data.

    Python floats become the default dtype (float32), Python ints int64, NumPy arrays keep theirs.
    Raises ArgumentError for ragged lists, UsageError for what is not numbers.

    >>> import tapegrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    _enters(data)
    array = (
        np.array(data._read("tensor")) if isinstance(data, Tensor) else _read_numbers(data, to_default=dtype is None)
    )
    out = wrap(array if dtype is None else array.astype(dtype))
    if STATE.tracer is not None:
        # Every run of the program makes a tensor of its own of the values.
        out = out.clone()
    if isinstance(data, Tensor) and data.requires_grad:
        note_cut("tensor", data, out)
    if requires_grad:
        out.requires_grad = True
    return out


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a tensor of the data, sharing memory with it where that is possible.

    >>> import tapegrad as tg
    >>> import numpy as np
    >>> array = np.zeros(2)
    >>> tg.as_tensor(array)[0] = 1.0
    >>> array
    array([1., 0.])
    """
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == np.dtype(dtype) else data.to(dtype)
    if isinstance(data, np.ndarray):
        _enters(data)
        return wrap(data if dtype is None else data.astype(dtype, copy=False))
    return tensor(data, dtype=dtype)


def _enters(data: Any) -> None:
    """Tell a running trace that values of unknown origin become a tensor."""
    if STATE.tracer is not None and isinstance(data, (np.ndarray, np.generic)):
        STATE.tracer.refuse(
            "tensor",
            f"a NumPy array enters the step at {user_line()}, where a program could only repeat its present values",
            "make it a tensor outside the step and pass that as an argument",
        )


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor that shares memory with a NumPy array.

    Raises UsageError when it is given anything else, or an array of what is no number in this machine's order.

    >>> import tapegrad as tg
    >>> import numpy as np
    >>> array = np.zeros(2)
    >>> tg.from_numpy(array)[0] = 1.0
    >>> array
    array([1., 0.])
    """
    if not isinstance(array, np.ndarray):
        raise UsageError(
            "from_numpy", f"expected a NumPy array, got {type(array).__name__}", "use tapegrad.tensor(data)"
        )
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 8 * (1 + (array.dtype.kind == "c")):
        raise UsageError(
            "from_numpy", f"an array of dtype {array.dtype} holds no numbers that tensors have", "convert it"
        )
    if not array.dtype.isnative:
        raise UsageError(
            "from_numpy",
            f"the bytes of dtype {array.dtype.str} are not in this machine's order",
            "use array.astype(array.dtype.newbyteorder('='))",
        )
    _enters(array)
    return wrap(array)
