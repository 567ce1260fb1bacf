"""Integrals and slopes of sampled functions, and matrices made of blocks and of powers."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, as_tensor, function, ops
from ..errors import OptionError, ShapeError, UsageError
from .join import cat
from .select import narrow
from .shape import wrap_dim
from .views import unsqueeze

__all__ = ["block_diag", "cumulative_trapezoid", "gradient", "trapezoid", "trapz", "vander"]


# -- integrals ----------------------------------------------------------------------------------------------------------


def _ends(y: Tensor, place: int) -> tuple[Tensor, Tensor]:
    """Return the elements that intervals begin with, and those that they end with."""
    count = max(y.shape[place] - 1, 0)
    return narrow(y, place, y.shape[place] - count, count), narrow(y, place, 0, count)


def _areas(who: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """Return the area of every interval, and the dimension."""
    if x is not None and dx is not None:
        raise UsageError(who, "x and dx are both given", "give one of them")
    if y.ndim == 0:
        raise ShapeError(who, "the input is a 0-d tensor", "give at least one dimension")
    place = wrap_dim(who, dim, y.ndim)
    if not isinstance(x, Tensor):
        step = x if x is not None else dx if dx is not None else 1
        after, before = _ends(y, place)
        return (after + before) * (step / 2), place
    if x.ndim == 0:
        raise ShapeError(who, "x is a 0-d tensor", "give the place of every sample")
    if x.ndim == 1:
        if len(x) != y.shape[place]:
            raise ShapeError(who, f"{len(x)} places for {y.shape[place]} samples", "give as many of each")
        x = ops.reshape(x, shape=(-1,) + (1,) * (y.ndim - 1 - place))
        along = 0
    else:
        if x.shape[place - y.ndim] != y.shape[place]:
            raise ShapeError(who, f"x has shape {tuple(x.shape)}, y {tuple(y.shape)}", "give a place for each sample")
        along = x.ndim + place - y.ndim
    end, begin = _ends(x, along)
    after, before = _ends(y, place)
    product = (end - begin) * (after + before)
    return product / 2, place + product.ndim - y.ndim


@function()
def trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """Return the integral of samples along a dimension by the trapezoidal rule.

    Formula: the sum of (x[i+1] - x[i]) (y[i+1] + y[i]) / 2; without ``x`` the samples are ``dx`` apart (1 unless given).
    Source: https://pytorch.org/docs/stable/generated/torch.trapezoid.html

    >>> import tapegrad as tg
    >>> tg.trapezoid(tg.tensor([1.0, 5.0, 10.0]))
    tensor(10.5000)
    """
    areas, place = _areas("trapezoid", y, x, dx, dim)
    return ops.sum(areas, dim=place)


@function()
def trapz(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """Return :func:`trapezoid`."""
    return trapezoid(y, x, dx=dx, dim=dim)


@function()
def cumulative_trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """Return the integrals of samples from the first to each of the others, by the trapezoidal rule.

    Source: https://pytorch.org/docs/stable/generated/torch.cumulative_trapezoid.html

    >>> import tapegrad as tg
    >>> tg.cumulative_trapezoid(tg.tensor([1.0, 5.0, 10.0]))
    tensor([ 3.0000, 10.5000])
    """
    areas, place = _areas("cumulative_trapezoid", y, x, dx, dim)
    return ops.cumsum(areas, dim=place)


# -- slopes -------------------------------------------------------------------------------------------------------------


def _slope(input: Tensor, place: int, spacing: Any, edge_order: int) -> Tensor:
    n = input.shape[place]

    def part(start: int, length: int) -> Tensor:
        return narrow(input, place, start, length)

    if not isinstance(spacing, Tensor) or spacing.ndim == 0:
        inner = (part(2, n - 2) - part(0, n - 2)) / (2 * spacing)
        if edge_order == 1:
            first, last = (part(1, 1) - part(0, 1)) / spacing, (part(n - 1, 1) - part(n - 2, 1)) / spacing
        else:
            first = (-1.5 * part(0, 1) + 2 * part(1, 1) - 0.5 * part(2, 1)) / spacing
            last = (1.5 * part(n - 1, 1) - 2 * part(n - 2, 1) + 0.5 * part(n - 3, 1)) / spacing
        return cat([first, inner, last], place)
    steps = ops.reshape(spacing, shape=(-1,) + (1,) * (input.ndim - 1 - place))
    gaps = narrow(steps, 0, 1, n - 1) - narrow(steps, 0, 0, n - 1)
    before, after = narrow(gaps, 0, 0, n - 2), narrow(gaps, 0, 1, n - 2)
    inner = (
        -after / (before * (before + after)) * part(0, n - 2)
        + (after - before) / (before * after) * part(1, n - 2)
        + before / (after * (before + after)) * part(2, n - 2)
    )
    first_gap, last_gap = narrow(gaps, 0, 0, 1), narrow(gaps, 0, n - 2, 1)
    if edge_order == 1:
        first, last = (part(1, 1) - part(0, 1)) / first_gap, (part(n - 1, 1) - part(n - 2, 1)) / last_gap
        return cat([first, inner, last], place)
    second, third = narrow(gaps, 0, 1, 1), narrow(gaps, 0, n - 3, 1)
    first = (
        -(2 * first_gap + second) / (first_gap * (first_gap + second)) * part(0, 1)
        + (first_gap + second) / (first_gap * second) * part(1, 1)
        - first_gap / (second * (first_gap + second)) * part(2, 1)
    )
    last = (
        last_gap / (third * (third + last_gap)) * part(n - 3, 1)
        - (third + last_gap) / (third * last_gap) * part(n - 2, 1)
        + (2 * last_gap + third) / (last_gap * (third + last_gap)) * part(n - 1, 1)
    )
    return cat([first, inner, last], place)


@function()
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Return the slopes of a sampled function along each dimension, by central differences, one-sided at the edges.

    ``spacing``: the distance of samples, one for each dimension, or their places; ``edge_order``: 1 or 2.
    Raises OptionError for too few samples and another order.
    Source: https://pytorch.org/docs/stable/generated/torch.gradient.html

    >>> import tapegrad as tg
    >>> tg.gradient(tg.tensor([1.0, 2.0, 4.0, 8.0]))
    (tensor([1.0000, 1.5000, 3.0000, 4.0000]),)
    """
    if edge_order not in (1, 2):
        raise OptionError("gradient", f"edge_order is {edge_order}", "use 1 or 2")
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    places = [wrap_dim("gradient", d, input.ndim) for d in dims]
    if len(set(places)) < len(places):
        raise OptionError("gradient", f"the dimensions {tuple(dims)} are not all different", "name each once")
    spacing = 1 if spacing is None else spacing
    given = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(places)
    if len(given) != len(places) or (isinstance(spacing, Tensor) and spacing.ndim and len(places) > 1):
        raise OptionError("gradient", f"{len(given)} spacings for {len(places)} dimensions", "give one for each")
    for place, step in zip(places, given, strict=True):
        if input.shape[place] < edge_order + 1:
            raise OptionError(
                "gradient", f"dimension {place} has {input.shape[place]} samples", f"give at least {edge_order + 1}"
            )
        if isinstance(step, Tensor) and step.ndim and len(step) != input.shape[place]:
            raise OptionError("gradient", f"{len(step)} places for {input.shape[place]} samples", "give as many")
    whole = input if input.dtype.kind in "fc" else input.float()
    return tuple(_slope(whole, place, step, edge_order) for place, step in zip(places, given, strict=True))


# -- matrices -----------------------------------------------------------------------------------------------------------


@function()
def block_diag(*tensors: Any) -> Tensor:
    """Return a matrix with matrices along its diagonal, zeros elsewhere. Vectors count as rows.

    Source: https://pytorch.org/docs/stable/generated/torch.block_diag.html

    >>> import tapegrad as tg
    >>> tg.block_diag(tg.tensor([[1, 2]]), tg.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    blocks = [as_tensor(t) for t in given]
    if any(b.ndim > 2 for b in blocks):
        raise ShapeError("block_diag", "a block has more than 2 dimensions", "give matrices")
    if not blocks:
        return ops.full(size=(1, 0), fill_value=0, dtype="float32")
    blocks = [ops.reshape(b, shape=(1,) * (2 - b.ndim) + tuple(b.shape)) for b in blocks]
    width, rows, at = sum(b.shape[1] for b in blocks), [], 0
    for b in blocks:
        shape = (b.shape[0], width)
        rows.append(ops.index_place(b, shape=shape, layout=(slice(None), slice(at, at + b.shape[1]))))
        at += b.shape[1]
    return cat(rows, 0)


@function()
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of a vector's elements as the columns of a matrix, falling unless ``increasing``.

    Source: https://pytorch.org/docs/stable/generated/torch.vander.html

    >>> import tapegrad as tg
    >>> tg.vander(tg.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x.ndim != 1:
        raise ShapeError("vander", f"the input has shape {tuple(x.shape)}", "give a vector")
    count = len(x) if N is None else int(N)
    if count < 0:
        raise OptionError("vander", f"N is {count}", "use 0 or more")
    column = unsqueeze(x, 1)
    one = column * 0 + 1
    powers = cat([one, ops.expand(column, shape=(len(x), count - 1))], 1) if count else narrow(one, 1, 0, 0)
    rising = ops.cumprod(powers, dim=1)
    return rising if increasing else rising.flip(1)
