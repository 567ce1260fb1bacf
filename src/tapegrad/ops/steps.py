"""Views by steps in memory, and new tensors with given steps.

``as_strided`` counts in the memory that its input is a view of, so its gradient needs to know where the input's own
elements lie there: ``own`` is (shape, steps, first place).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..core import ErrorSample, Sample, Tensor, function, ops, primitive, wrap
from ..core.dispatch import apply
from ..errors import ShapeError
from .creation import _ready
from .views import _in_place

__all__ = ["as_strided", "as_strided_copy", "as_strided_scatter", "empty_permuted", "empty_strided"]


def _memory(xp: Any, array: Any) -> Any:
    """Return the whole memory that an array is a view of, as a vector."""
    while isinstance(array.base, xp.ndarray):
        array = array.base
    order = sorted(range(array.ndim), key=lambda d: -array.strides[d])
    return array.transpose(order).reshape(-1) if array.ndim else array.reshape(1)


def _places(xp: Any, size: tuple, stride: tuple, first: int) -> Any:
    """Return where in memory the elements of a view lie."""
    places = xp.asarray(first)
    for n, step in zip(size, stride, strict=True):
        places = places[..., None] + xp.arange(n) * step
    return places


def _check_shape(array: Any, shape: tuple) -> None:
    if array.shape != shape:
        raise ShapeError("as_strided", f"the input has shape {array.shape}, its memory {shape}", "give one that fits")


def _lies_at(memory: Any, array: Any, own: tuple) -> bool:
    """Return whether an array's elements lie in its memory with the steps and from the place that ``own`` says."""
    item = array.itemsize
    steps = tuple(s for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
    said = tuple(s * item for s, n in zip(own[1], own[0], strict=True) if n > 1)
    return steps == said and array.ctypes.data - memory.ctypes.data == own[2] * item


def _laid_out(xp: Any, array: Any, view: tuple, own: tuple) -> Any:
    """Return memory that holds an array's elements where ``own`` says, with zeros elsewhere."""
    memory = xp.zeros(_span(view, own), array.dtype)
    memory[_places(xp, *own)] = array
    return memory


def _span(*views: tuple) -> int:
    """Return how much memory views reach into, counted from its beginning."""
    ends = [
        first + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1
        for size, stride, first in views
        if 0 not in size
    ]
    return max(ends, default=0)


@primitive(
    view=True,
    vjp=(
        lambda g, own, size, stride, storage_offset: ops.strided_sum(
            g, own=own, size=size, stride=stride, storage_offset=storage_offset
        ),
    ),
    formula=r"m_{o + \sum_d i_d s_d}",
    derivative=r"1",
    samples=lambda: [
        Sample((3, 4), size=(2, 2), stride=(4, 1), storage_offset=1, own=((3, 4), (4, 1), 0)),
        Sample((6,), size=(3, 3), stride=(1, 1), storage_offset=0, own=((6,), (1,), 0)),
        Sample((4,), size=(), stride=(), storage_offset=2, own=((4,), (1,), 0)),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "beyond", (4,), size=(3,), stride=(2,), storage_offset=0, own=((4,), (1,), 0))
    ],
    torch="",
)
def strided_view(xp, input, *, size, stride, storage_offset, own):
    """Return the view of the input's memory with a size, steps and a first element."""
    _check_shape(input, own[0])
    memory = _memory(xp, input)
    if not _lies_at(memory, input, own):
        # Whoever runs this gave the same values in another layout: lay them out as they were.
        memory = _laid_out(xp, input, (size, stride, storage_offset), own)
    if _span((size, stride, storage_offset)) > memory.size:
        raise ShapeError(
            "as_strided",
            f"size {size}, stride {stride} and offset {storage_offset} reach beyond {memory.size} elements",
            "stay inside the tensor's memory",
        )
    item = memory.itemsize
    strides = tuple(item * s for s in stride)
    out = xp.ndarray(size, memory.dtype, memory, item * storage_offset if memory.size else 0, strides)
    out.flags.writeable = memory.flags.writeable
    return out


@primitive(
    vjp=(
        lambda g, own, size, stride, storage_offset: ops.strided_take(
            g, own=own, size=size, stride=stride, storage_offset=storage_offset
        ),
    ),
    formula=r"\sum_{o + \sum_d i_d s_d = j} x_i",
    derivative=r"1",
    samples=lambda: [Sample((3, 3), size=(3, 3), stride=(1, 1), storage_offset=0, own=((6,), (1,), 0))],
    torch="",
)
def strided_sum(xp, input, *, size, stride, storage_offset, own):
    """Return the sums of the elements of a view at each place of the memory that the tensor ``own`` has."""
    _check_shape(input, size)
    memory = xp.zeros(_span((size, stride, storage_offset), own), input.dtype)
    xp.add.at(memory, _places(xp, size, stride, storage_offset).reshape(-1), input.reshape(-1))
    return memory[_places(xp, *own)]


@primitive(
    vjp=(
        lambda g, own, size, stride, storage_offset: ops.strided_sum(
            g, own=own, size=size, stride=stride, storage_offset=storage_offset
        ),
    ),
    formula=r"m_{o + \sum_d i_d s_d}",
    derivative=r"1",
    samples=lambda: [Sample((6,), size=(3, 3), stride=(1, 1), storage_offset=0, own=((6,), (1,), 0))],
    torch="",
)
def strided_take(xp, input, *, size, stride, storage_offset, own):
    """Return a copy of what :func:`as_strided` sees, with zeros where the memory is not the input's own."""
    _check_shape(input, own[0])
    memory = _laid_out(xp, input, (size, stride, storage_offset), own)
    return memory[_places(xp, size, stride, storage_offset)]


def _checked(who: str, input: Tensor, size: Any, stride: Any, storage_offset: int | None) -> dict:
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    if len(size) != len(stride):
        raise ShapeError(who, f"size {size} and stride {stride} are of unequal length", "give a step for each size")
    if min(stride, default=0) < 0:
        raise ShapeError(who, f"stride {stride} has a negative step", "use steps from 0 on")
    if min(size, default=0) < 0:
        raise ShapeError(who, f"size {size} has a negative number", "use sizes from 0 on")
    first = input.storage_offset()
    offset = first if storage_offset is None else int(storage_offset)
    if offset < 0:
        raise ShapeError(who, f"the offset is {offset}", "use 0 or more")
    own = (tuple(input.shape), tuple(input.stride()), first)
    return {"size": size, "stride": stride, "storage_offset": offset, "own": own}


@function(methods="as_strided")
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Return a view of the input's memory with a size, steps between neighbours and the place of the first element.

    Steps and places count elements. Where elements of the view share a place their gradients add up. Raises
    ShapeError for what reaches beyond the memory.
    Source: https://pytorch.org/docs/stable/generated/torch.as_strided.html

    >>> import tapegrad as tg
    >>> tg.as_strided(tg.arange(6), (3, 2), (1, 2))
    tensor([[0, 2],
            [1, 3],
            [2, 4]])
    """
    return apply(ops.strided_view, (input,), _checked("as_strided", input, size, stride, storage_offset))


@function(methods="")
def as_strided_copy(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Return a copy of what :func:`as_strided` gives."""
    return ops.clone(as_strided(input, size, stride, storage_offset))


@function(methods="as_strided_scatter")
def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Return a copy of the input with ``src`` in the place of the view that :func:`as_strided` gives.

    Source: https://pytorch.org/docs/stable/generated/torch.as_strided_scatter.html

    >>> import tapegrad as tg
    >>> tg.as_strided_scatter(tg.zeros(2, 2), tg.ones(2), (2,), (3,))
    tensor([[1., 0.],
            [0., 1.]])
    """
    given = _checked("as_strided_scatter", input, size, stride, storage_offset)
    if tuple(src.shape) != given["size"]:
        raise ShapeError("as_strided_scatter", f"src has shape {tuple(src.shape)}, the view {given['size']}", "fit it")
    shape, steps, first = given["own"]
    places = np.full(_span(given["own"], (given["size"], given["stride"], given["storage_offset"])), -1)
    places[_places(np, shape, steps, first)] = np.arange(math.prod(shape)).reshape(shape)
    chosen = places[_places(np, given["size"], given["stride"], given["storage_offset"])]
    if chosen.size and chosen.min() < 0:
        raise ShapeError("as_strided_scatter", "the view reaches beyond the input's elements", "stay inside them")
    flat = ops.reshape(input, shape=(-1,))
    written = ops.index_put(flat, ops.reshape(src, shape=(-1,)), wrap(chosen.reshape(-1)), dims=(0,))
    return ops.reshape(written, shape=tuple(input.shape))


Tensor.as_strided_ = _in_place(as_strided, "as_strided_")  # type: ignore[attr-defined]


# -- new tensors ----------------------------------------------------------------------------------------------------------


def _with_steps(size: tuple, stride: tuple, dtype: Any) -> Tensor:
    if len(size) != len(stride):
        raise ShapeError("empty_strided", f"size {size} and stride {stride} are of unequal length", "fit them")
    memory = np.zeros(_span((size, stride, 0)), dtype)
    return wrap(np.ndarray(size, memory.dtype, memory, 0, tuple(memory.itemsize * s for s in stride)))


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of a size with given steps between neighbours, whose values nobody should rely on.

    >>> import tapegrad as tg
    >>> tg.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    return _ready(_with_steps(tuple(size), tuple(stride), dtype), device, requires_grad)


def empty_permuted(
    size: Any,
    physical_layout: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor whose dimensions lie in memory in a given order, the outermost first; its values are nobody's.

    >>> import tapegrad as tg
    >>> tg.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    order = [int(d) for d in physical_layout]
    if sorted(order) != list(range(len(size))):
        raise ShapeError("empty_permuted", f"{tuple(order)} is no order of {len(size)} dimensions", "name each once")
    stride, step = [0] * len(order), 1
    for d in reversed(order):
        stride[d] = step
        step *= max(int(size[d]), 1)
    return empty_strided(size, stride, dtype=dtype, device=device, requires_grad=requires_grad)


def _new_empty_strided(
    self: Tensor,
    size: Any,
    stride: Any,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return :func:`tapegrad.empty_strided` of this tensor's dtype."""
    dtype = self.dtype if dtype is None else dtype
    return empty_strided(size, stride, dtype=dtype, device=device, requires_grad=requires_grad)


Tensor.new_empty_strided = _new_empty_strided  # type: ignore[attr-defined]
