"""Sums, means and products, running ones too, as they are called by name, with the dtype to compute in."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, function, ops
from ..errors import DTypeError

__all__ = ["count_nonzero", "cumprod", "cumsum", "mean", "nanmean", "nansum", "prod", "sum"]

Dim = int | tuple[int, ...] | None


def _converted(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None or input.dtype == dtype else ops.cast(input, dtype=dtype)


def _in(dtype: Any, result: Tensor) -> Tensor:
    """Return a result in the dtype that was asked for: small integers are added up in int64."""
    return result if dtype is None or result.dtype == dtype else ops.cast(result, dtype=dtype)


@function(methods="sum")
def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over one dimension, several, or all, computed in ``dtype``. Integers and bool give int64.

    Source: https://pytorch.org/docs/stable/generated/torch.sum.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1, 2], [3, 4]])
    >>> tg.sum(x), tg.sum(x, dim=1, keepdim=True)
    (tensor(10), tensor([[3],
            [7]]))
    """
    total = ops.sum(_converted(input, dtype), dim=dim, keepdim=keepdim)
    return total if dtype is None else _in(dtype, total)


@function(methods="mean")
def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over one dimension, several, or all, computed in ``dtype``; nan where there is nothing.

    Raises DTypeError for integers and bool unless ``dtype`` is a floating-point one.
    Source: https://pytorch.org/docs/stable/generated/torch.mean.html

    >>> import tapegrad as tg
    >>> tg.mean(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([2., 3.])
    """
    return ops.mean(_converted(input, dtype), dim=dim, keepdim=keepdim)


@function(methods="prod")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the product over one dimension, or all, computed in ``dtype``. Integers and bool give int64.

    The gradient is right where elements are 0.
    Source: https://pytorch.org/docs/stable/generated/torch.prod.html

    >>> import tapegrad as tg
    >>> tg.prod(tg.tensor([[1, 2], [3, 4]]), dim=1)
    tensor([ 2, 12])
    """
    return _in(dtype, ops.prod(_converted(input, dtype), dim=dim, keepdim=keepdim))


@function(methods="cumsum", inplace=True)
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the sum of each element and those before it along a dimension, computed in ``dtype``.

    Integers and bool give int64. Source: https://pytorch.org/docs/stable/generated/torch.cumsum.html

    >>> import tapegrad as tg
    >>> tg.cumsum(tg.tensor([1, 2, 3]), dim=0)
    tensor([1, 3, 6])
    """
    return _in(dtype, ops.cumsum(_converted(input, dtype), dim=dim))


@function(methods="cumprod", inplace=True)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the product of each element and those before it along a dimension, computed in ``dtype``.

    Integers and bool give int64. The gradient is right where elements are 0.
    Source: https://pytorch.org/docs/stable/generated/torch.cumprod.html

    >>> import tapegrad as tg
    >>> tg.cumprod(tg.tensor([1, 2, 3]), dim=0)
    tensor([1, 2, 6])
    """
    return _in(dtype, ops.cumprod(_converted(input, dtype), dim=dim))


@function(methods="nansum")
def nansum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum as :func:`sum` does, with nan counting as 0.

    >>> import tapegrad as tg
    >>> tg.nansum(tg.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    numbers = ops.where(ops.isnan(input), 0, input)
    return ops.sum(_converted(numbers, dtype), dim=dim, keepdim=keepdim)


@function(methods="nanmean")
def nanmean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean of the elements that are not nan, over one dimension, several, or all.

    Raises DTypeError for integers and bool.

    >>> import tapegrad as tg
    >>> tg.nanmean(tg.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    if input.dtype.kind in "biu":
        raise DTypeError("nanmean", f"the input has dtype {input.dtype}", "convert it with .float()")
    count = ops.sum(ops.logical_not(ops.isnan(input)), dim=dim, keepdim=keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


@function(methods="count_nonzero")
def count_nonzero(input: Tensor, dim: Dim = None) -> Tensor:
    """Return how many elements are not 0, over one dimension, several, or all.

    >>> import tapegrad as tg
    >>> tg.count_nonzero(tg.tensor([[0, 1], [2, 3]]), dim=1)
    tensor([1, 2])
    """
    return ops.sum(ops.ne(input, 0), dim=dim)
