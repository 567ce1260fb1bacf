"""The largest, the smallest, the middle and the most frequent element along a dimension, each with its position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core import Tensor, as_tensor, function, ops
from ..errors import DTypeError, OptionError, ShapeError
from .select import narrow
from .shape import wrap_dim
from .sort import ValuesAndIndices, sort
from .views import squeeze

__all__ = ["aminmax", "max", "median", "min", "mode", "nanmedian", "nanquantile", "quantile"]


class MinMax(NamedTuple):
    """The smallest and the largest element."""

    min: Tensor
    max: Tensor


def _picked(input: Tensor, indices: Tensor, dim: int, keepdim: bool) -> ValuesAndIndices:
    """Return the elements at positions that still have the reduced dimension, and the positions."""
    values = ops.gather(input, indices, dim=dim)
    if keepdim:
        return ValuesAndIndices(values, indices)
    return ValuesAndIndices(squeeze(values, dim), squeeze(indices, dim))


# -- the largest and the smallest ---------------------------------------------------------------------------------------


def _extreme(input: Tensor, dim: Any, keepdim: bool, of_all: Callable, of_two: Callable, find: Callable) -> Any:
    if dim is None:
        return of_all(input)
    if isinstance(dim, Tensor):
        return of_two(input, dim)
    place = wrap_dim(find.__name__.removeprefix("arg"), dim, input.ndim)
    return _picked(input, find(input, dim=place, keepdim=True), place, keepdim)


@function(methods="max")
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the largest of all elements; with ``dim`` the largest along it and their positions, as a named pair.

    With a second tensor: :func:`maximum`. Equal largest elements share the gradient; along a dimension the first of
    them, whose position is returned, has it all. Raises ShapeError when there is no element.
    Source: https://pytorch.org/docs/stable/generated/torch.max.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1, 5], [4, 2]])
    >>> values, indices = tg.max(x, dim=1)
    >>> tg.max(x), values, indices
    (tensor(5), tensor([5, 4]), tensor([1, 0]))
    """
    return _extreme(input, dim if other is None else other, keepdim, ops.amax, ops.maximum, ops.argmax)


@function(methods="min")
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the smallest of all elements; with ``dim`` the smallest along it and their positions, as a named pair.

    With a second tensor: :func:`minimum`. Equal smallest elements share the gradient; along a dimension the first of
    them, whose position is returned, has it all. Raises ShapeError when there is no element.
    Source: https://pytorch.org/docs/stable/generated/torch.min.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1, 5], [4, 2]])
    >>> values, indices = tg.min(x, dim=1)
    >>> tg.min(x), values, indices
    (tensor(1), tensor([1, 2]), tensor([0, 1]))
    """
    return _extreme(input, dim if other is None else other, keepdim, ops.amin, ops.minimum, ops.argmin)


@function(methods="aminmax")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Return the smallest and the largest element along a dimension, or of all.

    >>> import tapegrad as tg
    >>> tg.aminmax(tg.tensor([3, 1, 2]))
    MinMax(min=tensor(1), max=tensor(3))
    """
    return MinMax(ops.amin(input, dim=dim, keepdim=keepdim), ops.amax(input, dim=dim, keepdim=keepdim))


# -- the middle, the most frequent, and quantiles -----------------------------------------------------------------------


@function(methods="median")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle of all elements; with ``dim`` the middle one along it and its position, as a named pair.

    Of an even number it is the lower of the two in the middle; nan if there is one.
    Source: https://pytorch.org/docs/stable/generated/torch.median.html

    >>> import tapegrad as tg
    >>> tg.median(tg.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    """
    if dim is None:
        return ops.median(input)
    place = wrap_dim("median", dim, input.ndim)
    return _picked(input, ops.median_index(input, dim=place), place, keepdim)


@function(methods="nanmedian")
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle of the elements that are not nan, as :func:`median` does; nan where there is none.

    Source: https://pytorch.org/docs/stable/generated/torch.nanmedian.html

    >>> import tapegrad as tg
    >>> tg.nanmedian(tg.tensor([1.0, float("nan"), 3.0, 2.0]))
    tensor(2.)
    """
    if input.dtype.kind != "f":
        return median(input, dim, keepdim)
    if dim is None:
        flat = ops.reshape(input, shape=(-1,))
        numbers = flat[ops.logical_not(ops.isnan(flat))]
        return ops.median(numbers) if len(numbers) else ops.median(flat)
    place = wrap_dim("nanmedian", dim, input.ndim)
    order = ops.argsort(input, dim=place)
    count = ops.sum(ops.logical_not(ops.isnan(input)), dim=place, keepdim=True)
    middle = ops.clamp(ops.floor_divide(count - 1, 2), 0, None)
    return _picked(input, ops.gather(order, middle, dim=place) if input.ndim else order, place, keepdim)


@function(methods="mode")
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """Return the most frequent element along a dimension, the smallest of several, and where it occurs last.

    Source: https://pytorch.org/docs/stable/generated/torch.mode.html

    >>> import tapegrad as tg
    >>> tg.mode(tg.tensor([3, 1, 3, 2])).values
    tensor(3)
    """
    place = wrap_dim("mode", dim, input.ndim)
    return _picked(input, ops.mode_index(input, dim=place), place, keepdim)


@function(methods="quantile")
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the quantiles ``q`` (a number from 0 to 1, or a vector of them) along a dimension, or of all elements.

    Formula: of n elements in order, the one at the place q (n - 1), counted from 0. Between two places
    ``interpolation`` decides: ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``. A vector ``q``
    gives the result a first dimension. nan if there is one. Raises DTypeError for integers, OptionError for another
    interpolation and a number ``q`` out of range.
    Source: https://pytorch.org/docs/stable/generated/torch.quantile.html

    >>> import tapegrad as tg
    >>> tg.quantile(tg.tensor([1.0, 2.0, 4.0]), tg.tensor([0.25, 1.0]))
    tensor([1.5000, 4.0000])
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@function(methods="nanquantile")
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the quantiles of the elements that are not nan, as :func:`quantile` does; nan where there is none.

    Source: https://pytorch.org/docs/stable/generated/torch.nanquantile.html

    >>> import tapegrad as tg
    >>> tg.nanquantile(tg.tensor([1.0, float("nan"), 4.0]), 0.5)
    tensor(2.5000)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


_WEIGHTS = {"linear": None, "lower": 0.0, "higher": 1.0, "midpoint": 0.5, "nearest": None}


def _checked_places(who: str, input: Tensor, q: Any, interpolation: str) -> Tensor:
    if input.dtype.kind != "f":
        raise DTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
    if interpolation not in _WEIGHTS:
        raise OptionError(who, f"interpolation is '{interpolation}'", f"use one of {', '.join(_WEIGHTS)}")
    if not input.numel():
        raise ShapeError(who, "the input has no element", "give at least one")
    if isinstance(q, Tensor):
        if q.dtype != input.dtype:
            raise DTypeError(who, f"q is {q.dtype}, the input {input.dtype}", "convert one of them")
        if q.ndim > 1:
            raise ShapeError(who, f"q has shape {tuple(q.shape)}", "give a number or a vector")
    elif not 0 <= q <= 1:
        raise OptionError(who, f"q is {q}", "use 0 to 1")
    return as_tensor(q, dtype=input.dtype)


def _quantile(
    who: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip: bool
) -> Tensor:
    q = _checked_places(who, input, q, interpolation)
    rows = ops.reshape(input, shape=(-1,)) if dim is None else input
    place = wrap_dim(who, 0 if dim is None else dim, rows.ndim)
    rows = sort(rows.movedim(place, -1) if rows.ndim else rows.reshape(1)).values
    low, high, weight = _neighbours(rows, ops.reshape(q, shape=(-1,)), interpolation == "nearest", skip)
    weight = weight if _WEIGHTS[interpolation] is None else _WEIGHTS[interpolation]
    result = (low + (high - low) * weight).movedim(-1, 0)
    if keepdim:
        shape = [1] * input.ndim if dim is None else [1 if d == place else n for d, n in enumerate(input.shape)]
        result = ops.reshape(result, shape=(len(result), *shape))
    return result if q.ndim else result[0]


def _neighbours(rows: Tensor, q: Tensor, nearest: bool, skip: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the elements below and above the quantiles of sorted rows, and how far from the first they lie."""
    last: Any = rows.shape[-1] - 1
    # nan is sorted behind all numbers, so the last place tells of it.
    if skip:
        numbers = ops.logical_not(ops.isnan(rows))
        last = ops.cast(ops.clamp(ops.sum(numbers, dim=-1, keepdim=True) - 1, 0, None), dtype=rows.dtype)
        rank = q * last
    else:
        rank = ops.where(ops.isnan(narrow(rows, -1, last, 1)), float(last), q * last)
    rank = ops.round(rank) if nearest else rank
    below = ops.floor(rank)
    low = ops.gather(rows, ops.cast(below, dtype="int64"), dim=-1)
    high = ops.gather(rows, ops.cast(ops.ceil(rank), dtype="int64"), dim=-1)
    return low, high, rank - below
