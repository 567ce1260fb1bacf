"""Counts of points in the boxes of a grid, with weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core import Tensor, as_array, function, wrap
from ..errors import DTypeError, OptionError, ShapeError, UnsupportedDTypeError

__all__ = ["histogram", "histogramdd"]


class Histogram(NamedTuple):
    """Counts, and the edges between the boxes."""

    hist: Tensor
    bin_edges: Tensor


class Histograms(NamedTuple):
    """Counts, and the edges between the boxes along every dimension."""

    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def _edges(who: str, points: np.ndarray, bins: Any, limits: Any, d: int) -> np.ndarray:
    """Return the edges along one dimension: given, or at equal distances over a range or that of the points."""
    if not isinstance(bins, int):
        edges = as_array(bins)
        if edges.ndim != 1:
            raise ShapeError(who, f"the edges of dimension {d} have shape {edges.shape}", "give a vector")
        if edges.dtype != points.dtype:
            raise DTypeError(who, f"the edges are {edges.dtype}, the input {points.dtype}", "convert one of them")
        return np.array(edges)
    if bins < 1:
        raise OptionError(who, f"bins is {bins} for dimension {d}", "use 1 or more")
    if limits is None:
        low, high = (float(points.min()), float(points.max())) if points.size else (0.0, 1.0)
    else:
        low, high = float(limits[0]), float(limits[1])
        if low > high:
            raise OptionError(who, f"the range of dimension {d} goes from {low} to {high}", "turn it")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise OptionError(who, f"the range of dimension {d} goes from {low} to {high}", "give finite numbers")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1).astype(points.dtype)


def _count(who: str, points: np.ndarray, edges: list, weight: Any, density: bool) -> np.ndarray:
    """Return how many points, or how much weight, each box holds; the last box has its upper edge as well."""
    inside = np.ones(len(points), bool)
    place = np.zeros(len(points), np.int64)
    for d, edge in enumerate(edges):
        column = points[:, d]
        inside &= (column >= edge[0]) & (column <= edge[-1])
        found = np.minimum(np.searchsorted(edge, column, "right") - 1, len(edge) - 2)
        place = place * (len(edge) - 1) + found
    shape = [len(edge) - 1 for edge in edges]
    weights = None
    if weight is not None:
        values = as_array(weight)
        if values.dtype != points.dtype:
            raise DTypeError(who, f"the weight is {values.dtype}, the input {points.dtype}", "convert one of them")
        if values.size != len(points):
            raise ShapeError(who, f"{values.size} weights for {len(points)} points", "give as many")
        weights = values.reshape(-1)[inside]
    counts = np.bincount(place[inside], weights, math.prod(shape)).reshape(shape).astype(points.dtype)
    if density:
        for d, edge in enumerate(edges):
            counts = counts / np.diff(edge).reshape([-1 if i == d else 1 for i in range(len(edges))])
        counts = counts / (inside.sum() if weights is None else weights.sum())
    return counts.astype(points.dtype)


@function(methods="histogram")
def histogram(
    input: Tensor, bins: Any = 100, *, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> Histogram:
    """Return how many elements lie between edges, and the edges.

    ``bins``: a vector of edges, or the number of equal intervals of ``range`` (that of the elements unless given).
    ``weight``: what each element counts. ``density``: divide so that the integral is 1. Raises OptionError for no
    interval and a range that is turned or not finite, UnsupportedDTypeError for other than floating-point numbers.
    Source: https://pytorch.org/docs/stable/generated/torch.histogram.html

    >>> import tapegrad as tg
    >>> tg.histogram(tg.tensor([1.0, 2.0, 1.0]), 4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    array = _points("histogram", input).reshape(-1, 1)
    edges = _edges("histogram", array[:, 0], bins, range, 0)
    return Histogram(wrap(_count("histogram", array, [edges], weight, density)), wrap(edges))


def _points(who: str, input: Tensor) -> np.ndarray:
    if input.dtype.kind != "f":
        raise UnsupportedDTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
    return input._read(who)


@function()
def histogramdd(
    input: Tensor, bins: Any, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> Histograms:
    """Return how many points, rows of the last dimension, lie in each box of a grid, and the grid's edges.

    Arguments as in :func:`histogram`, one for every coordinate; ``range`` is flat: low and high of each.
    Source: https://pytorch.org/docs/stable/generated/torch.histogramdd.html

    >>> import tapegrad as tg
    >>> tg.histogramdd(tg.tensor([[0.0, 1.0], [1.0, 0.0]]), [2, 2]).hist
    tensor([[0., 1.],
            [1., 0.]])
    """
    array = _points("histogramdd", input)
    if array.ndim < 2:
        raise ShapeError("histogramdd", f"the input has {array.ndim} dimensions", "give rows of coordinates")
    count = array.shape[-1]
    array = array.reshape(-1, count)
    each = [bins] * count if isinstance(bins, int) else list(bins)
    if len(each) != count:
        raise OptionError("histogramdd", f"{len(each)} bins for {count} coordinates", "give one for each")
    if range is not None and len(range) != 2 * count:
        raise OptionError("histogramdd", f"a range of {len(range)} numbers", f"give {2 * count}")
    edges = [
        _edges("histogramdd", array[:, d], b, None if range is None else range[2 * d : 2 * d + 2], d)
        for d, b in enumerate(each)
    ]
    counts = _count("histogramdd", array, edges, weight, density)
    return Histograms(wrap(counts), tuple(map(wrap, edges)))
