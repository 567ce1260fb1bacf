"""Copies of a tensor with another one in the place of one of its views, and copies of views."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import FUNCTIONS, Tensor, function, ops, wrap
from ..errors import ShapeError
from . import views
from .convert import _as_dtype
from .join import chunk, split, split_with_sizes, unbind
from .select import narrow, select
from .shape import wrap_dim

__all__ = [
    "alias_copy",
    "detach_copy",
    "diagonal_copy",
    "diagonal_scatter",
    "expand_copy",
    "narrow_copy",
    "permute_copy",
    "select_copy",
    "select_scatter",
    "slice_copy",
    "slice_inverse",
    "slice_scatter",
    "split_copy",
    "split_with_sizes_copy",
    "squeeze_copy",
    "t_copy",
    "transpose_copy",
    "unbind_copy",
    "unfold_copy",
    "unsafe_chunk",
    "unsafe_split",
    "unsafe_split_with_sizes",
    "unsqueeze_copy",
    "view_copy",
]


# -- another tensor in the place of a view ------------------------------------------------------------------------------


def _placed(who: str, input: Tensor, src: Tensor, layout: tuple) -> Tensor:
    """Return a copy of the input with ``src``, which must fit, at an index of ints and slices."""
    shape = tuple(ops.index_view(input, layout=layout).shape)
    if tuple(src.shape) != shape:
        raise ShapeError(who, f"src has shape {tuple(src.shape)}, its place {shape}", "make them equal")
    return ops.index_put(input, _alike(src, input), layout=layout)


def _alike(src: Tensor, input: Tensor) -> Tensor:
    return src if src.dtype == input.dtype else ops.cast(src, dtype=input.dtype)


@function(methods="select_scatter")
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return a copy of the input with ``src`` at one position of a dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.select_scatter.html

    >>> import tapegrad as tg
    >>> tg.select_scatter(tg.zeros(2, 2), tg.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    place = wrap_dim("select_scatter", dim, input.ndim)
    return _placed("select_scatter", input, src, (*(slice(None),) * place, int(index)))


def _slice(input: Tensor, dim: int, start: Any, end: Any, step: int) -> tuple:
    place = wrap_dim("slice", dim, input.ndim)
    return (*(slice(None),) * place, slice(start, end, step))


@function(methods="slice_scatter")
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return a copy of the input with ``src`` in the place of a slice of a dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.slice_scatter.html

    >>> import tapegrad as tg
    >>> tg.slice_scatter(tg.zeros(4), tg.ones(2), start=2)
    tensor([0., 0., 1., 1.])
    """
    return _placed("slice_scatter", input, src, _slice(input, dim, start, end, step))


@function(methods="slice_inverse")
def slice_inverse(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return zeros of the shape of ``src`` with the input in the place of a slice of a dimension."""
    layout = _slice(src, dim, start, end, step)
    return ops.index_place(input, shape=tuple(src.shape), layout=layout)


@function(methods="diagonal_scatter")
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a copy of the input with ``src`` on a diagonal of two dimensions.

    Source: https://pytorch.org/docs/stable/generated/torch.diagonal_scatter.html

    >>> import tapegrad as tg
    >>> tg.diagonal_scatter(tg.zeros(2, 2), tg.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    shape = tuple(ops.diagonal(input, offset=offset, dim1=dim1, dim2=dim2).shape)
    if tuple(src.shape) != shape:
        raise ShapeError("diagonal_scatter", f"src has shape {tuple(src.shape)}, the diagonal {shape}", "fit it")
    along = np.arange(shape[-1])
    rows, columns = wrap(along + max(-offset, 0)), wrap(along + max(offset, 0))
    first, second = (wrap_dim("diagonal_scatter", d, input.ndim) for d in (dim1, dim2))
    front = input.movedim((first, second), (0, 1))
    written = ops.index_put(front, _alike(src, input).movedim(-1, 0), rows, columns, dims=(0, 1))
    return written.movedim((0, 1), (first, second))


# -- copies of views ----------------------------------------------------------------------------------------------------


def _copying(view: Callable, name: str, method: bool = False) -> Callable:
    """Return the function that copies what a view shows, or each of several views."""

    def copying(*args: Any, **kwargs: Any) -> Any:
        out = view(*args, **kwargs)
        return tuple(map(ops.clone, out)) if isinstance(out, tuple) else ops.clone(out)

    functools.update_wrapper(copying, view)
    copying.__name__ = copying.__qualname__ = name
    copying.__doc__ = f"Return a copy of what :func:`{name.removesuffix('_copy')}` shows."
    return function(methods=name if method else "", name=name)(copying)


def _alias(input: Tensor) -> Tensor:
    return ops.index_view(input, layout=(Ellipsis,))


def _slice_view(input: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    return ops.index_view(input, layout=_slice(input, dim, start, end, step))


def _view(input: Tensor, size: Any = None, *, dtype: Any = None) -> Tensor:
    return views.view(input, _as_dtype("view_copy", dtype)) if size is None else views.view(input, tuple(size))


def _expand(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    return ops.expand(input, shape=tuple(size))


def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    if input.ndim == 0:
        return ops.reshape(_unfold(ops.reshape(input, shape=(1,)), dimension, size, step), shape=(size,))
    return ops.windows(input, dimension=dimension, size=size, step=step)


alias_copy = _copying(_alias, "alias_copy")
detach_copy = _copying(Tensor.detach, "detach_copy")
diagonal_copy = _copying(ops.diagonal, "diagonal_copy")
expand_copy = _copying(_expand, "expand_copy")
narrow_copy = _copying(narrow, "narrow_copy", method=True)
permute_copy = _copying(ops.permute, "permute_copy")
select_copy = _copying(select, "select_copy")
slice_copy = _copying(_slice_view, "slice_copy")
split_copy = _copying(split, "split_copy")
split_with_sizes_copy = _copying(split_with_sizes, "split_with_sizes_copy")
squeeze_copy = _copying(views.squeeze, "squeeze_copy")
t_copy = _copying(FUNCTIONS["t"], "t_copy")
transpose_copy = _copying(ops.transpose, "transpose_copy")
unbind_copy = _copying(unbind, "unbind_copy")
unfold_copy = _copying(_unfold, "unfold_copy")
unsqueeze_copy = _copying(views.unsqueeze, "unsqueeze_copy")
view_copy = _copying(_view, "view_copy")


# -- PyTorch's names for splits that may be written to, as all may here ---------------------------------------------------


@function(methods="unsafe_chunk")
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return :func:`chunk`."""
    return chunk(input, chunks, dim)


@function(methods="unsafe_split")
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return :func:`split`."""
    return split(input, split_size, dim)


@function(methods="unsafe_split_with_sizes")
def unsafe_split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return :func:`split_with_sizes`."""
    return split_with_sizes(input, split_sizes=tuple(map(int, split_sizes)), dim=dim)
