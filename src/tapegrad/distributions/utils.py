"""What the distributions have in common: broadcasting of parameters, probabilities and their logarithms.

Source: https://pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import update_wrapper
from numbers import Number
from typing import Any

import numpy as np

from .. import ops
from ..array import get_default_dtype
from ..core import Size, Tensor, enable_grad, from_numpy, tensor
from ..errors import ArgumentError
from ..ops.fused import softmax
from ..ops.generator import current_generator

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Return the values as tensors of one shape; numbers get the dtype of the first tensor, or the default dtype.

    Raises ArgumentError (a ValueError) for what is neither a tensor nor a number.

    >>> import tapegrad as tg
    >>> broadcast_all(tg.zeros(2), 1)
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    for value in values:
        if not isinstance(value, (Tensor, Number)):
            raise ArgumentError("broadcast_all", f"a parameter is a {type(value).__name__}", "pass tensors or numbers")
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), get_default_dtype())
    return tuple(ops.broadcast_tensors(*(v if isinstance(v, Tensor) else tensor(v, dtype=dtype) for v in values)))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the probabilities of log-odds, or of logarithms up to a constant along the last dimension.

    >>> import tapegrad as tg
    >>> logits_to_probs(tg.zeros(2)), logits_to_probs(tg.zeros(1), is_binary=True)
    (tensor([0.5000, 0.5000]), tensor([0.5000]))
    """
    return ops.sigmoid(logits) if is_binary else softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Return the probabilities, at least the dtype's epsilon away from 0 and 1.

    >>> import tapegrad as tg
    >>> bool((clamp_probs(tg.zeros(1)) > 0).all())
    True
    """
    eps = float(np.finfo(probs.dtype).eps)
    return ops.clamp(probs, eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return the log-odds of probabilities, or their logarithms: finite, since they are clamped.

    >>> import tapegrad as tg
    >>> probs_to_logits(tg.tensor([0.5]), is_binary=True)
    tensor([0.])
    """
    inside = clamp_probs(probs)
    return ops.log(inside) - ops.log1p(-inside) if is_binary else ops.log(inside)


class lazy_property:  # noqa: N801
    """An attribute that a method computes when it is first asked for, with gradients, and that stays.

    >>> class Box:
    ...     @lazy_property
    ...     def size(self):
    ...         return 3
    >>> box = Box()
    >>> box.size, vars(box)
    (3, {'size': 3})
    """

    def __init__(self, wrapped: Callable[[Any], Any]):
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Return the elements of square matrices on and below a diagonal, row by row, in the last dimension.

    Raises ArgumentError for a diagonal outside of the matrix.

    >>> import tapegrad as tg
    >>> tril_matrix_to_vec(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 3., 4.])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ArgumentError("tril_matrix_to_vec", f"diag is {diag}", f"use {-n} to {n - 1}")
    rows, columns = np.tril_indices(n, diag)
    return mat[..., from_numpy(rows), from_numpy(columns)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Return the square matrices whose elements on and below a diagonal are those of the last dimension, row by row.

    Raises ArgumentError when no square matrix has so many.

    >>> import tapegrad as tg
    >>> vec_to_tril_matrix(tg.tensor([1.0, 3.0, 4.0]))
    tensor([[1., 0.],
            [3., 4.]])
    """
    count = vec.shape[-1]
    n = (-(1 + 2 * diag) + math.sqrt((1 + 2 * diag) ** 2 + 8 * count + 4 * abs(diag) * (diag + 1))) / 2
    side = round(n)
    if abs(side - n) > 1e-9:
        raise ArgumentError(
            "vec_to_tril_matrix", f"{count} elements fill no triangle", "pass n (n + 1) / 2 of them for diag=0"
        )
    rows, columns = np.tril_indices(side, diag)
    place = np.zeros((side, side), dtype=np.int64)
    place[rows, columns] = np.arange(count)
    filled = np.zeros((side, side), dtype=bool)
    filled[rows, columns] = True
    return ops.where(from_numpy(filled), vec[..., from_numpy(place)], 0.0)


def _standard_normal(shape: Any, dtype: Any, device: Any = None) -> Tensor:
    return ops.randn(*shape, dtype=dtype) if len(shape) else ops.randn((), dtype=dtype)


def _uniform(shape: Any, dtype: Any) -> Tensor:
    """Return numbers between 0 and 1, neither of which occurs."""
    limits = np.finfo(dtype)
    return ops.clamp(ops.rand(tuple(shape), dtype=dtype), float(limits.tiny), float(1 - limits.epsneg))


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """Return the tensor with its last ``dim`` dimensions summed up."""
    return value.reshape((*value.shape[: value.ndim - dim], -1)).sum(-1) if dim else value


def _drawn(method: str, shape: Any, *parameters: Tensor) -> Tensor:
    """Return numbers that a method of NumPy's generator draws for parameters, in the dtype of the first of them."""
    stream = current_generator().stream
    values = getattr(stream, method)(*(np.asarray(p.numpy(force=True), np.float64) for p in parameters), size=shape)
    return from_numpy(np.asarray(values)).to(parameters[0].dtype)


def _softplus(x: Tensor) -> Tensor:
    """Return ln(1 + eˣ), exact at both ends."""
    return ops.logaddexp(x, ops.zeros_like(x))


def _size(shape: Any) -> Size:
    return shape if isinstance(shape, Size) else Size(shape)
