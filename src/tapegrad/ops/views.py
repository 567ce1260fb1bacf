"""Other shapes of the same elements, composed of the primitives in ``shape``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import STATE, Sample, Size, Tensor, function, ops, primitive
from ..core.dispatch import apply
from ..core.methods import _check_writable
from ..errors import ShapeError
from .shape import reshape, swapaxes, swapdims, t, transpose, wrap_dim

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_shapes",
    "broadcast_tensors",
    "broadcast_to",
    "flatten",
    "ravel",
    "squeeze",
    "unflatten",
    "unsqueeze",
]


@primitive(formula=r"\mathrm{bits}(x)", view=True, samples=lambda: [Sample((2, 4), dtype="int8")], torch="")
def view_dtype(xp, input, *, dtype):
    """Return a view of the same bytes read as another dtype; the last dimension grows or shrinks to fit."""
    return input.view(dtype)


def _with_shape(input: Tensor, shape: tuple) -> Tensor:
    return apply(reshape, (input,), {"shape": shape})


# -- views --------------------------------------------------------------------------------------------------------------


@function(methods="view")
def view(input: Tensor, *shape: Any) -> Tensor:
    """Return the same memory in another shape (one size may be -1), or read as another dtype.

    Raises ShapeError when the strides do not allow it: a dimension may be split, and dimensions may be joined when
    they lie in memory one behind the other, so after ``transpose`` only ``reshape``, which may copy, will do.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.view.html

    >>> import tapegrad as tg
    >>> tg.arange(6).view(3, 2)
    tensor([[0, 1],
            [2, 3],
            [4, 5]])
    """
    if len(shape) == 1 and isinstance(shape[0], (np.dtype, type)):
        return ops.view_dtype(input, dtype=shape[0])
    out = ops.reshape(input, *shape)
    mapped = STATE.tracer is not None and STATE.tracer.maps  # samples of a batch have no memory order of their own
    if out.memory is not input.memory and out.array.size and not mapped:
        raise ShapeError(
            "view",
            f"a tensor of shape {tuple(input.shape)} and stride {input.stride()} has no view of shape {tuple(out.shape)}",
            "use .reshape(...), which copies where it must, or .contiguous() first",
        )
    return out


@function(methods="view_as")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return ``input.view(other.size())``."""
    return view(input, other.shape)


@function(methods="reshape_as")
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return ``input.reshape(other.size())``."""
    return _with_shape(input, tuple(other.shape))


@function(methods="expand_as")
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return ``input.expand(other.size())``."""
    return ops.expand(input, shape=tuple(other.shape))


@function(methods="broadcast_to")
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """Return a view of the input stretched to ``size``, as :func:`expand` does."""
    return ops.expand(input, shape=tuple(size))


def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that tensors of these shapes broadcast to.

    Raises ShapeError when they do not.

    >>> import tapegrad as tg
    >>> tg.broadcast_shapes((2, 1), (3,))
    tapegrad.Size([2, 3])
    """
    tuples = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    out = []
    for i in range(1, max(map(len, tuples), default=0) + 1):
        sizes = {s[-i] for s in tuples if len(s) >= i} - {1}
        if len(sizes) > 1:
            raise ShapeError(
                "broadcast_shapes",
                f"the shapes {', '.join(map(str, tuples))} differ in dimension -{i}",
                "make those sizes equal, or 1",
            )
        out.append(sizes.pop() if sizes else 1)
    return Size(reversed(out))


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return views of the tensors stretched to their common shape.

    >>> import tapegrad as tg
    >>> [t.shape for t in tg.broadcast_tensors(tg.ones(2, 1), tg.ones(3))]
    [tapegrad.Size([2, 3]), tapegrad.Size([2, 3])]
    """
    shape = tuple(broadcast_shapes(*[t.shape for t in tensors]))
    return tuple(ops.expand(t, shape=shape) for t in tensors)


# -- dimensions of size 1, and joined dimensions ------------------------------------------------------------------------


@function(methods="squeeze")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Return a view without the dimensions of size 1: all of them, or those named.

    Source: https://pytorch.org/docs/stable/generated/torch.squeeze.html

    >>> import tapegrad as tg
    >>> tg.zeros(1, 3, 1).squeeze().shape, tg.zeros(1, 3, 1).squeeze(-1).shape
    (tapegrad.Size([3]), tapegrad.Size([1, 3]))
    """
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = {wrap_dim("squeeze", d, input.ndim) for d in dims}
    return _with_shape(input, tuple(n for i, n in enumerate(tuple(input.shape)) if n != 1 or i not in gone))


@function(methods="unsqueeze")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dimension of size 1 put in at ``dim``.

    Source: https://pytorch.org/docs/stable/generated/torch.unsqueeze.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 3).unsqueeze(1).shape
    tapegrad.Size([2, 1, 3])
    """
    place = wrap_dim("unsqueeze", dim, input.ndim + 1)
    shape = tuple(input.shape)
    return _with_shape(input, (*shape[:place], 1, *shape[place:]))


@function(methods="flatten")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the tensor with the dimensions from ``start_dim`` to ``end_dim`` (included) made one.

    Source: https://pytorch.org/docs/stable/generated/torch.flatten.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 3, 4).flatten(1).shape
    tapegrad.Size([2, 12])
    """
    start = wrap_dim("flatten", start_dim, input.ndim)
    end = wrap_dim("flatten", end_dim, input.ndim)
    if start > end:
        raise ShapeError("flatten", f"start_dim {start_dim} comes after end_dim {end_dim}", "swap them")
    if start == end and input.ndim:
        return input
    shape = tuple(input.shape)
    return _with_shape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@function(methods="unflatten")
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Return a view with one dimension split into several; one of the sizes may be -1.

    Source: https://pytorch.org/docs/stable/generated/torch.unflatten.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 12).unflatten(1, (3, -1)).shape
    tapegrad.Size([2, 3, 4])
    """
    place = wrap_dim("unflatten", dim, input.ndim)
    shape = tuple(input.shape)
    known = math.prod(n for n in sizes if n != -1)
    if -1 in sizes and known and shape[place] % known == 0:
        sizes = [shape[place] // known if n == -1 else n for n in sizes]
    if math.prod(sizes) != shape[place]:
        raise ShapeError(
            "unflatten", f"the sizes {tuple(sizes)} do not multiply to {shape[place]}, dimension {dim}", "make them fit"
        )
    return _with_shape(input, (*shape[:place], *sizes, *shape[place + 1 :]))


@function(methods="ravel")
def ravel(input: Tensor) -> Tensor:
    """Return the elements in one dimension, without a copy where possible."""
    return _with_shape(input, (-1,))


@function(methods="contiguous")
def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """Return the tensor itself when its elements lie in row-major order, else a copy where they do."""
    return input if input.array.flags.c_contiguous else ops.clone(input)


def _at_least(tensors: tuple, reshaped: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    out = tuple(ops.reshape(x, shape=reshaped(tuple(x.shape))) for x in tensors)
    return out[0] if len(out) == 1 else out


def atleast_1d(*tensors: Any) -> Any:
    """Return views of the tensors with at least one dimension."""
    return _at_least(tensors, lambda shape: shape or (1,))


def atleast_2d(*tensors: Any) -> Any:
    """Return views of the tensors with at least two dimensions; new ones come in front."""
    return _at_least(tensors, lambda shape: (1,) * (2 - len(shape)) + shape)


def atleast_3d(*tensors: Any) -> Any:
    """Return views of the tensors with at least three dimensions: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""
    return _at_least(tensors, lambda shape: shape if len(shape) > 2 else (*((1,) * (2 - len(shape)) + shape), 1))


def _in_place(call: Any, name: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        _check_writable(name, self, (self,))
        view = call(self, *args, **kwargs)
        self.array = view.array
        if STATE.grad_enabled:
            self.node = view.node
        return self

    method.__name__ = name
    method.__doc__ = f"Give the tensor itself the shape of :meth:`{name[:-1]}`; the memory stays."
    return method


for _call in (squeeze, unsqueeze, swapaxes, swapdims, t, transpose):
    setattr(Tensor, f"{_call.__name__}_", _in_place(_call, f"{_call.__name__}_"))
