"""Reductions of what falls on the same position along a dimension: sums, products, means, the largest and smallest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Array, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, OptionError, ShapeError
from .gather import _as_vectors, _corner, _positions, _source
from .shape import wrap_dim

__all__ = ["index_reduce", "scatter_reduce"]


def _accumulated(xp: Any, who: str, accumulate: Any, input: Any, index: Any, src: Any, dim: int) -> Any:
    """Return the input with a NumPy function applied to what falls on each position."""
    out = xp.array(input, order="C")
    target, positions, source = _as_vectors(out, index, src)
    _corner(who, target.shape, positions, dim)
    part = _source(who, source, positions, target.dtype)
    places = xp.asarray(_positions(xp, target.shape, positions, dim))
    accumulate.at(target.reshape(-1), places.reshape(-1), part.reshape(-1))
    return out


# -- the largest and the smallest ---------------------------------------------------------------------------------------


def _shares(g, input, index, src, out, dim):
    """Return which elements were picked, and the gradient that each of the equal ones among them has."""
    chosen = ops.index_view(src, layout=tuple(slice(n) for n in index.shape))
    own = ops.cast(input == out, dtype=g.dtype)
    given = ops.cast(chosen == ops.gather(out, index, dim=dim), dtype=g.dtype)
    return own, given, g / ops.scatter_add(own, index, given, dim=dim)


def _extreme_of_input(g, input, index, src, out, dim):
    own, _given, share = _shares(g, input, index, src, out, dim)
    # Where nothing is equal there is nan, and no gradient.
    return ops.where(own == 0, 0, own * share)


def _extreme_of_src(g, input, index, src, out, dim):
    _own, given, share = _shares(g, input, index, src, out, dim)
    taken = ops.where(given == 0, 0, given * ops.gather(share, index, dim=dim))
    if taken.shape == src.shape:
        return taken
    return ops.index_place(taken, shape=src.shape, layout=tuple(slice(n) for n in taken.shape))


def _scattered():
    yield Sample(Array(3, 4, distinct=True), Array(2, 4, low=0, high=3, dtype="int64"), (2, 4), dim=0)
    yield Sample(Array(3, 4, distinct=True), Array(2, 3, low=0, high=4, dtype="int64"), (2, 3), dim=1)
    yield Sample(Array(3, 4, distinct=True), Array(2, 0, low=0, high=4, dtype="int64"), (2, 0), dim=1)


@primitive(
    vjp=(_extreme_of_input, None, _extreme_of_src),
    formula=r"\max(x_l, \max_{i_{jk} = l} s_{jk})",
    derivative=r"[x_l = m] / n",
    samples=_scattered,
    torch="",
)
def scatter_max(xp, input, index, src, *, dim):
    """Return the largest of each element and those of ``src`` that fall on it."""
    return _accumulated(xp, "scatter_reduce", xp.maximum, input, index, src, dim)


@primitive(
    vjp=(_extreme_of_input, None, _extreme_of_src),
    formula=r"\min(x_l, \min_{i_{jk} = l} s_{jk})",
    derivative=r"[x_l = m] / n",
    samples=_scattered,
    torch="",
)
def scatter_min(xp, input, index, src, *, dim):
    """Return the smallest of each element and those of ``src`` that fall on it."""
    return _accumulated(xp, "scatter_reduce", xp.minimum, input, index, src, dim)


# -- products -----------------------------------------------------------------------------------------------------------


def _without_zeros(input, index, src, dim):
    """Return the products of what is not 0, and how many zeros fall on each position."""
    chosen = ops.index_view(src, layout=tuple(slice(n) for n in index.shape))
    total = ops.scatter_prod(ops.where(input == 0, 1, input), index, ops.where(chosen == 0, 1, chosen), dim=dim)
    counted = ops.cast(chosen == 0, dtype=input.dtype)
    zeros = ops.scatter_add(ops.cast(input == 0, dtype=input.dtype), index, counted, dim=dim)
    return chosen, total, zeros


def _others(value, total, zeros):
    """Return the product of all factors but one, given that of those that are not 0 and the number of zeros."""
    alone = total / ops.where(value == 0, 1, value)
    return ops.where(zeros == ops.cast(value == 0, dtype=value.dtype), alone, 0)


def _prod_of_input(g, input, index, src, dim):
    _chosen, total, zeros = _without_zeros(input, index, src, dim)
    return g * _others(input, total, zeros)


def _prod_of_src(g, input, index, src, dim):
    chosen, total, zeros = _without_zeros(input, index, src, dim)
    others = _others(chosen, ops.gather(total, index, dim=dim), ops.gather(zeros, index, dim=dim))
    taken = ops.gather(g, index, dim=dim) * others
    if taken.shape == src.shape:
        return taken
    return ops.index_place(taken, shape=src.shape, layout=tuple(slice(n) for n in taken.shape))


@primitive(
    vjp=(_prod_of_input, None, _prod_of_src),
    formula=r"x_l \prod_{i_{jk} = l} s_{jk}",
    derivative=r"\prod_{m \ne l} s_m",
    samples=_scattered,
    torch="",
)
def scatter_prod(xp, input, index, src, *, dim):
    """Return the product of each element and those of ``src`` that fall on it."""
    return _accumulated(xp, "scatter_reduce", xp.multiply, input, index, src, dim)


# -- by name ------------------------------------------------------------------------------------------------------------


def _neutral(reduce: str, dtype: np.dtype) -> Any:
    """Return what a reduction begins with."""
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if dtype.kind == "b":
        return reduce == "amin"
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    if reduce == "amax":
        return -np.inf if limits is None else int(limits.min)
    return np.inf if limits is None else int(limits.max)


def _mean(input: Tensor, index: Tensor, src: Tensor, dim: int, include_self: bool) -> Tensor:
    total = ops.scatter_add(input, index, src, dim=dim)
    ones = ops.full(size=tuple(input.shape), fill_value=1, dtype=input.dtype)
    if not include_self:
        ones = ops.put_along_dim(ones, index, 0, dim=dim)
    one = ops.full(size=tuple(src.shape), fill_value=1, dtype=input.dtype)
    counts = ops.clamp(ops.scatter_add(ones, index, one, dim=dim), 1, None)
    return total / counts if input.dtype.kind in "fc" else ops.floor_divide(total, counts)


@function(methods="scatter_reduce", inplace=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Return the input with what falls on each position along ``dim`` reduced: "sum", "prod", "mean", "amax" or "amin".

    Formula for dim 0 of a matrix: ``out[l, j] = reduce(input[l, j], src[i, j] for all i with index[i, j] = l)``;
    without ``include_self`` the input's own element counts only where nothing falls on it. Equal largest elements
    share the gradient. Raises OptionError for another reduction, DTypeError for a source of another dtype.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html

    >>> import tapegrad as tg
    >>> tg.scatter_reduce(tg.zeros(2), 0, tg.tensor([0, 1, 0]), tg.tensor([1.0, 2.0, 3.0]), "amax")
    tensor([3., 2.])
    """
    known = {"sum": ops.scatter_add, "prod": ops.scatter_prod, "amax": ops.scatter_max, "amin": ops.scatter_min}
    if reduce not in known and reduce != "mean":
        raise OptionError("scatter_reduce", f"reduce is '{reduce}'", f"use one of mean, {', '.join(known)}")
    if src.dtype != input.dtype:
        raise DTypeError("scatter_reduce", f"src is {src.dtype}, the input {input.dtype}", "convert one of them")
    place = wrap_dim("scatter_reduce", dim, input.ndim)
    if not include_self:
        input = ops.put_along_dim(input, index, _neutral(reduce, input.dtype), dim=place)
    if reduce == "mean":
        return _mean(input, index, src, place, include_self)
    return known[reduce](input, index, src, dim=place)


@function(methods="index_reduce", inplace=True)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Return the input with the slices of ``source`` reduced into the positions ``index`` of a dimension.

    ``reduce``: "prod", "mean", "amax" or "amin"; ``include_self`` as in :func:`scatter_reduce`.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html

    >>> import tapegrad as tg
    >>> tg.index_reduce(tg.ones(2), 0, tg.tensor([0, 1, 0]), tg.tensor([2.0, 3.0, 4.0]), "prod")
    tensor([8., 3.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise OptionError("index_reduce", f"reduce is '{reduce}'", "use one of prod, mean, amax, amin")
    place = wrap_dim("index_reduce", dim, input.ndim)
    if index.ndim > 1:
        raise ShapeError("index_reduce", f"the index has shape {tuple(index.shape)}", "give a vector of positions")
    if input.ndim == 0 or source.ndim == 0:
        whole = ops.reshape(index, shape=(-1,)), ops.reshape(source, shape=(-1,))
        vector = index_reduce(ops.reshape(input, shape=(-1,)), 0, *whole, reduce, include_self=include_self)
        return ops.reshape(vector, shape=tuple(input.shape))
    if len(index) != source.shape[place]:
        raise ShapeError("index_reduce", f"{len(index)} positions for {source.shape[place]} slices", "give as many")
    along = ops.reshape(index, shape=(-1,) + (1,) * (source.ndim - 1 - place))
    spread = ops.expand(along, shape=tuple(source.shape)) if source.ndim else along
    return scatter_reduce(input, place, spread, source, reduce, include_self=include_self)
