"""Joining tensors and taking them apart: concatenation and splitting are each other's adjoint."""

from __future__ import annotations

import math
from typing import Any

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import OptionError, ShapeError, UsageError
from .buffers import zeros
from .shape import wrap_dim
from .views import atleast_1d, atleast_2d, atleast_3d

__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "row_stack",
    "split",
    "split_with_sizes",
    "stack",
    "tensor_split",
    "unbind",
    "vsplit",
    "vstack",
]


def _cat_gradients(g, tensors_shape, dim):
    sizes = tuple(0 if shape == (0,) else shape[dim] for shape in tensors_shape)
    parts = ops.split_with_sizes(g, split_sizes=sizes, dim=dim)
    pairs = zip(parts, tensors_shape, strict=True)
    return tuple(p if p.ndim == len(shape) else ops.reshape(p, shape=shape) for p, shape in pairs)


@primitive(
    promote="common",
    vjp=_cat_gradients,
    formula=r"[x_1, \dots, x_n]",
    derivative=r"1",
    onnx="Concat",
    samples=lambda: [
        Sample((2, 3), (1, 3)),
        Sample((2, 3), (2, 1), (2, 2), dim=1),
        Sample((0,), (2, 3), dim=-1),
        Sample((3,), (0,)),
    ],
    errors=lambda: [ErrorSample(ShapeError, "must match exactly", (2, 3), (2, 2))],
)
def cat(xp, *tensors, dim=0, out=None):
    """Return the tensors one behind the other along an existing dimension.

    The other dimensions must be equal (ShapeError otherwise); a 1-d tensor without elements is passed over, as in
    PyTorch. Source: https://pytorch.org/docs/stable/generated/torch.cat.html

    >>> import tapegrad as tg
    >>> tg.cat([tg.tensor([1, 2]), tg.tensor([3])])
    tensor([1, 2, 3])
    """
    if not tensors:
        raise OptionError("cat", "there are no tensors", "give at least one")
    if any(not hasattr(x, "ndim") for x in tensors):
        raise UsageError("cat", "something is no tensor", "give tensors alone")
    if len({x.ndim for x in tensors}) > 1:
        tensors = [x for x in tensors if x.shape != (0,)]
    return xp.concatenate(tensors, axis=dim, out=out)


@function()
def concat(tensors: Any, dim: int = 0) -> Tensor:
    """Return the tensors one behind the other: another name for :func:`cat`."""
    return cat(*tensors, dim=dim)


concatenate = function(name="concatenate")(concat)


@primitive(
    view=True,
    vjp=lambda g, split_sizes, dim: (ops.cat_parts(*g, split_sizes=split_sizes, dim=dim),),
    formula=r"x_1, \dots, x_n",
    derivative=r"1",
    onnx="Split",
    samples=lambda: [
        Sample((5, 2), split_sizes=(2, 3)),
        Sample((2, 4), split_sizes=(1, 0, 3), dim=-1),
        Sample((0,), split_sizes=(0,)),
    ],
    errors=lambda: [ErrorSample(ShapeError, r"sizes \(2, 2\) do not add up to 5", (5,), split_sizes=(2, 2))],
    methods="split_with_sizes",
)
def split_with_sizes(xp, input, *, split_sizes, dim=0):
    """Return views of the given sizes, one behind the other along a dimension.

    >>> import tapegrad as tg
    >>> tg.split_with_sizes(tg.arange(3), (1, 2))
    (tensor([0]), tensor([1, 2]))
    """
    if sum(split_sizes) != input.shape[dim] or min(split_sizes, default=0) < 0:
        raise ShapeError(
            "split",
            f"the sizes {tuple(split_sizes)} do not add up to {input.shape[dim]}",
            "make them fit dimension dim",
        )
    before = (slice(None),) * (dim % input.ndim)
    parts, start = [], 0
    for size in split_sizes:
        parts.append(input[(*before, slice(start, start + size))])
        start += size
    return tuple(parts)


@primitive(
    vjp=lambda g, split_sizes, dim: ops.split_with_sizes(g, split_sizes=split_sizes, dim=dim),
    formula=r"[x_1, \dots, x_n]",
    samples=lambda: [
        Sample((2, 3), None, split_sizes=(2, 4)),
        Sample(None, (2, 1), (2, 0), split_sizes=(2, 1, 0), dim=1),
    ],
    torch="",
)
def cat_parts(xp, *parts, split_sizes, dim=0, out=None):
    """Return the parts of a split one behind the other, with zeros where a part is None."""
    if all(p is not None for p in parts):
        return xp.concatenate(parts, axis=dim, out=out)
    like = next(p for p in parts if p is not None)
    shape = list(like.shape)
    shape[dim] = sum(split_sizes)
    result = zeros(xp, tuple(shape), like.dtype, out)
    before = (slice(None),) * (dim % like.ndim)
    start = 0
    for part, size in zip(parts, split_sizes, strict=True):
        if part is not None:
            result[(*before, slice(start, start + size))] = part
        start += size
    return result


@primitive(
    promote="common",
    vjp=lambda g, dim: ops.unbind(g, dim=dim),
    formula=r"(x_1, \dots, x_n)",
    derivative=r"1",
    samples=lambda: [Sample((3,), (3,)), Sample((2, 3), (2, 3), (2, 3), dim=-1), Sample((), (), dim=0)],
    errors=lambda: [ErrorSample(ShapeError, "must have the same shape", (2,), (3,))],
)
def stack(xp, *tensors, dim=0, out=None):
    """Return tensors of one shape side by side along a new dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.stack.html

    >>> import tapegrad as tg
    >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if any(x is None for x in tensors):
        zeros = xp.zeros_like(next(x for x in tensors if x is not None))
        tensors = [zeros if x is None else x for x in tensors]
    return xp.stack(tensors, axis=dim, out=out)


@primitive(
    view=True,
    vjp=lambda g, dim: (ops.stack(*g, dim=dim),),
    formula=r"x_1, \dots, x_n",
    derivative=r"1",
    samples=lambda: [Sample((3, 2)), Sample((2, 3), dim=-1), Sample((2,))],
    methods="unbind",
)
def unbind(xp, input, *, dim=0):
    """Return a view of each slice along a dimension, which is taken away.

    Source: https://pytorch.org/docs/stable/generated/torch.unbind.html

    >>> import tapegrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    slices = xp.moveaxis(input, dim, 0)
    return tuple(slices[i, ...] for i in range(len(slices)))


# -- splitting ----------------------------------------------------------------------------------------------------------


def _pieces(length: int, size: int) -> tuple[int, ...]:
    """Return sizes that add up to a length, all equal but the last."""
    full, rest = divmod(length, size)
    return (size,) * full + ((rest,) if rest or not full else ())


@function(methods="split")
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of ``split_size`` along a dimension (the last may be smaller), or of the sizes in a list.

    Source: https://pytorch.org/docs/stable/generated/torch.split.html

    >>> import tapegrad as tg
    >>> tg.split(tg.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_sizes=tuple(map(int, split_size_or_sections)), dim=dim)
    size, length = int(split_size_or_sections), tensor.shape[wrap_dim("split", dim, tensor.ndim)]
    if size < 0 or (size == 0 and length):
        raise OptionError("split", f"the size {size} is not positive", "use at least 1")
    return split_with_sizes(tensor, split_sizes=_pieces(length, max(size, 1)), dim=dim)


@function(methods="chunk")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most ``chunks`` views along a dimension, all of the same size but the last.

    Source: https://pytorch.org/docs/stable/generated/torch.chunk.html

    >>> import tapegrad as tg
    >>> tg.chunk(tg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if chunks < 1:
        raise OptionError("chunk", f"{chunks} chunks", "use at least 1")
    length = input.shape[wrap_dim("chunk", dim, input.ndim)]
    if not length:
        return split_with_sizes(input, split_sizes=(0,) * chunks, dim=dim)
    return split_with_sizes(input, split_sizes=_pieces(length, math.ceil(length / chunks)), dim=dim)


@function(methods="tensor_split")
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views along a dimension: so many of nearly equal size, or those between the given indices.

    Source: https://pytorch.org/docs/stable/generated/torch.tensor_split.html

    >>> import tapegrad as tg
    >>> tg.tensor_split(tg.arange(5), 2), tg.tensor_split(tg.arange(5), (1, 4))
    ((tensor([0, 1, 2]), tensor([3, 4])), (tensor([0]), tensor([1, 2, 3]), tensor([4])))
    """
    place = wrap_dim("tensor_split", dim, input.ndim)
    if not isinstance(indices_or_sections, (tuple, list)) and getattr(indices_or_sections, "ndim", 0) == 0:
        sections = int(indices_or_sections)
        if sections < 1:
            raise OptionError("tensor_split", f"{sections} sections", "use at least 1")
        size, longer = divmod(input.shape[place], sections)
        sizes = (size + 1,) * longer + (size,) * (sections - longer)
        return split_with_sizes(input, split_sizes=sizes, dim=place)
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else list(indices_or_sections)
    before = (slice(None),) * place
    bounds = zip([0, *given], [*given, None], strict=True)
    return tuple(ops.index_view(input, layout=(*before, slice(a, b))) for a, b in bounds)


def _split_along(name: str, least: int, dim: int) -> Any:
    def split_along(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise ShapeError(name, f"expected at least {least} dimensions, got {input.ndim}", "use tensor_split()")
        place = 0 if input.ndim == 1 else dim
        if not isinstance(indices_or_sections, (int, tuple, list, Tensor)):
            raise UsageError(name, f"a {type(indices_or_sections).__name__} says no sizes", "give integers")
        if isinstance(indices_or_sections, int) and (
            indices_or_sections < 1 or input.shape[place] % indices_or_sections
        ):
            raise ShapeError(
                name, f"{input.shape[place]} do not split into {indices_or_sections} equal parts", "use tensor_split()"
            )
        return tensor_split(input, indices_or_sections, place)

    split_along.__name__ = name
    split_along.__doc__ = (
        f"Return views along dimension {dim}: so many of equal size, or those between the given indices."
    )
    return function(methods=name)(split_along)


hsplit, vsplit, dsplit = _split_along("hsplit", 1, 1), _split_along("vsplit", 2, 0), _split_along("dsplit", 3, 2)


# -- stacking -----------------------------------------------------------------------------------------------------------


def _some(who: str, tensors: Any) -> None:
    if not len(tensors):
        raise ShapeError(who, "there are no tensors", "give at least one")


def _as_tuple(tensors: Any) -> tuple:
    return tensors if isinstance(tensors, tuple) else (tensors,)


@function()
def hstack(tensors: Any) -> Tensor:
    """Return the tensors joined along the second dimension (the first for vectors).

    >>> import tapegrad as tg
    >>> tg.hstack([tg.tensor([1, 2]), tg.tensor([3])])
    tensor([1, 2, 3])
    """
    _some("hstack", tensors)
    raised = _as_tuple(atleast_1d(tensors))
    return cat(*raised, dim=0 if raised[0].ndim == 1 else 1)


@function()
def vstack(tensors: Any) -> Tensor:
    """Return the tensors joined along the first dimension, vectors as rows.

    >>> import tapegrad as tg
    >>> tg.vstack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    _some("vstack", tensors)
    return cat(*_as_tuple(atleast_2d(tensors)), dim=0)


row_stack = function(name="row_stack")(vstack)


@function()
def dstack(tensors: Any) -> Tensor:
    """Return the tensors joined along the third dimension.

    >>> import tapegrad as tg
    >>> tg.dstack([tg.tensor([1, 2]), tg.tensor([3, 4])]).shape
    tapegrad.Size([1, 2, 2])
    """
    _some("dstack", tensors)
    return cat(*_as_tuple(atleast_3d(tensors)), dim=2)


@function()
def column_stack(tensors: Any) -> Tensor:
    """Return the tensors joined along the second dimension, vectors as columns.

    >>> import tapegrad as tg
    >>> tg.column_stack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    columns = [ops.reshape(x, shape=(-1, 1)) if x.ndim < 2 else x for x in tensors]
    _some("column_stack", columns)
    return cat(*columns, dim=1)
