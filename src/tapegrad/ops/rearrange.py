"""Turning, shifting and repeating, and the grids that vectors span."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..core import Sample, Tensor, function, ops, primitive, wrap
from ..errors import OptionError, ShapeError
from .join import stack
from .shape import wrap_dim
from .views import broadcast_tensors, unsqueeze

__all__ = [
    "cartesian_prod",
    "combinations",
    "flip",
    "fliplr",
    "flipud",
    "meshgrid",
    "repeat_interleave",
    "roll",
    "rot90",
    "tile",
]


# -- turning and shifting -----------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, dims: ops.flip(g, dims=dims),),
    formula=r"x_{n-1-i}",
    derivative=r"1",
    samples=lambda: [Sample((3, 4), dims=(0,)), Sample((2, 3, 2), dims=(0, -1)), Sample((0, 2), dims=(1,))],
    signature="input, *dims",
    methods="flip",
)
def flip(xp, input, *, dims):
    """Return a copy with the elements along some dimensions in reverse order.

    Source: https://pytorch.org/docs/stable/generated/torch.flip.html

    >>> import tapegrad as tg
    >>> tg.flip(tg.tensor([1, 2, 3]), 0)
    tensor([3, 2, 1])
    """
    return xp.array(xp.flip(input, dims))


def _count(numbers):
    return len(numbers) if isinstance(numbers, tuple) else 1


def _roll_back(g, shifts, dims):
    return ops.roll(g, shifts=tuple(-s for s in shifts) if isinstance(shifts, tuple) else -shifts, dims=dims)


@primitive(
    vjp=(_roll_back,),
    formula=r"x_{i-s}",
    derivative=r"1",
    samples=lambda: [
        Sample((3, 4), shifts=1, dims=0),
        Sample((3, 4), shifts=(1, -2), dims=(0, 1)),
        Sample((2, 3), shifts=4),
    ],
    methods="roll",
)
def roll(xp, input, *, shifts, dims=None):
    """Return a copy shifted along dimensions, what leaves at the end coming in at the front; all as one row without ``dims``.

    Source: https://pytorch.org/docs/stable/generated/torch.roll.html

    >>> import tapegrad as tg
    >>> tg.roll(tg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    if shifts == ():
        raise ShapeError("roll", "there are no shifts", "give a number for each dimension")
    if dims is not None and dims != () and _count(shifts) != _count(dims):
        raise ShapeError("roll", f"{_count(shifts)} shifts for {_count(dims)} dimensions", "give as many of each")
    return xp.roll(input, shifts, None if dims == () else dims)


@function(methods="fliplr")
def fliplr(input: Tensor) -> Tensor:
    """Return a copy with the columns in reverse order."""
    if input.ndim < 2:
        raise ShapeError("fliplr", f"expected at least 2 dimensions, got {input.ndim}", "use flip(0)")
    return flip(input, dims=(1,))


@function(methods="flipud")
def flipud(input: Tensor) -> Tensor:
    """Return a copy with the rows in reverse order."""
    if input.ndim < 1:
        raise ShapeError("flipud", "expected at least 1 dimension, got 0", "use unsqueeze(0) first")
    return flip(input, dims=(0,))


@function(methods="rot90")
def rot90(input: Tensor, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Tensor:
    """Return a copy turned ``k`` times by 90 degrees in a plane, from the first of two dimensions towards the second.

    Source: https://pytorch.org/docs/stable/generated/torch.rot90.html

    >>> import tapegrad as tg
    >>> tg.rot90(tg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise ShapeError("rot90", f"{len(dims)} dimensions are named", "name the two of the plane")
    if input.ndim < 2:
        raise ShapeError("rot90", f"the input has {input.ndim} dimensions", "give at least 2")
    first, second = (wrap_dim("rot90", d, input.ndim) for d in dims)
    if first == second:
        raise OptionError("rot90", f"both dimensions are {first}", "give two different ones")
    turns = k % 4
    if turns == 0:
        return ops.clone(input)
    if turns == 2:
        return flip(input, dims=(first, second))
    turned = ops.transpose(input, dim0=first, dim1=second)
    return flip(turned, dims=(first if turns == 1 else second,))


# -- repeating ----------------------------------------------------------------------------------------------------------


@function(methods="repeat")
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return copies of the tensor side by side: ``repeats[i]`` of them along dimension i, new dimensions in front.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html

    >>> import tapegrad as tg
    >>> tg.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = tuple(repeats[0]) if len(repeats) == 1 and isinstance(repeats[0], (tuple, list)) else repeats
    if len(times) < input.ndim:
        raise ShapeError(
            "repeat", f"{len(times)} repeats for {input.ndim} dimensions", "give a number for every dimension"
        )
    shape = (1,) * (len(times) - input.ndim) + tuple(input.shape)
    apart = ops.reshape(input, shape=tuple(n for size in shape for n in (1, size)))
    spread = ops.expand(apart, shape=tuple(n for pair in zip(times, shape, strict=True) for n in pair))
    joined = tuple(r * n for r, n in zip(times, shape, strict=True))
    return ops.reshape(ops.clone(spread), shape=joined)


@function(methods="tile")
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Return copies of the tensor side by side, as :func:`repeat` does; missing numbers are 1.

    >>> import tapegrad as tg
    >>> tg.tile(tg.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    times = tuple(dims[0]) if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    return repeat(input, *(1,) * (input.ndim - len(times)), *times)


@function(methods="repeat_interleave")
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Return every element along a dimension repeated: the same number of times, or as often as ``repeats`` says for each.

    Without ``dim`` the input is flattened first.
    Source: https://pytorch.org/docs/stable/generated/torch.repeat_interleave.html

    >>> import tapegrad as tg
    >>> tg.tensor([1, 2]).repeat_interleave(2), tg.tensor([1, 2]).repeat_interleave(tg.tensor([2, 1]))
    (tensor([1, 1, 2, 2]), tensor([1, 1, 2]))
    """
    if dim is None:
        input, dim = ops.reshape(input, shape=(-1,)), 0
    place = wrap_dim("repeat_interleave", dim, input.ndim)
    length = input.shape[place]
    counts = np.asarray(repeats._read("repeat_interleave") if isinstance(repeats, Tensor) else repeats)
    if counts.size == 1:
        spread = ops.expand(unsqueeze(input, place + 1), shape=_put(input.shape, place + 1, (int(counts.item()),)))
        return ops.reshape(ops.clone(spread), shape=_put(input.shape, place, (length * int(counts.item()),), 1))
    if counts.shape != (length,):
        raise ShapeError(
            "repeat_interleave",
            f"repeats has shape {counts.shape}, dimension {dim} has {length} elements",
            "give one number for all or one for each",
        )
    return ops.index(input, wrap(np.repeat(np.arange(length), counts)), dims=(place,))


def _put(shape: Any, place: int, sizes: tuple, instead_of: int = 0) -> tuple:
    return (*shape[:place], *sizes, *shape[place + instead_of :])


# -- grids --------------------------------------------------------------------------------------------------------------


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return the coordinates of the grid that vectors span: one tensor for each, all of the grid's shape.

    With ``indexing="xy"`` the first two dimensions are swapped.
    Source: https://pytorch.org/docs/stable/generated/torch.meshgrid.html

    >>> import tapegrad as tg
    >>> tg.meshgrid(tg.tensor([1, 2]), tg.tensor([3, 4]))
    (tensor([[1, 1],
            [2, 2]]), tensor([[3, 4],
            [3, 4]]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise OptionError("meshgrid", f"indexing is '{indexing}'", "use 'ij' or 'xy'")
    if any(x.ndim > 1 for x in tensors):
        raise ShapeError("meshgrid", f"shapes {', '.join(str(tuple(x.shape)) for x in tensors)}", "give vectors")
    count = len(tensors)
    grids = broadcast_tensors(
        *[ops.reshape(x, shape=(1,) * i + (-1,) + (1,) * (count - 1 - i)) for i, x in enumerate(tensors)]
    )
    if indexing == "xy" and count > 1:
        return tuple(ops.transpose(x, dim0=0, dim1=1) for x in grids)
    return grids


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return every way to take one element of each vector, as the rows of a matrix.

    >>> import tapegrad as tg
    >>> tg.cartesian_prod(tg.tensor([1, 2]), tg.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    if len(tensors) == 1:
        return tensors[0]
    return stack(*[ops.reshape(x, shape=(-1,)) for x in meshgrid(*tensors)], dim=1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return every choice of ``r`` elements of a vector, as the rows of a matrix.

    >>> import tapegrad as tg
    >>> tg.combinations(tg.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise ShapeError("combinations", f"expected a vector, got shape {tuple(input.shape)}", "flatten it first")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(len(input)), r)), dtype=np.int64).reshape(-1, r)
    return ops.index(input, wrap(chosen), dims=(0,))
