"""Order: sorting, the largest elements, and searching what is sorted. Positions are found, then values gathered."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, OptionError, ShapeError
from .select import narrow
from .shape import wrap_dim
from .views import squeeze, unsqueeze

__all__ = ["argsort", "bucketize", "kthvalue", "msort", "one_hot", "searchsorted", "sort", "topk"]


class ValuesAndIndices(NamedTuple):
    """Elements and their positions."""

    values: Tensor
    indices: Tensor


@primitive(
    formula=r"\mathrm{argsort}(x)",
    onnx="TopK",
    samples=lambda: [
        Sample(Array(3, 4, distinct=True)),
        Sample(Array(3, 4, distinct=True), dim=0, descending=True),
        Sample((0, 2), dim=0),
        Sample(()),
    ],
    methods="argsort",
)
def argsort(xp, input, *, dim=-1, descending=False, stable=False):
    """Return the positions that sort the input along a dimension; equal elements keep their order, nan counts as largest.

    Source: https://pytorch.org/docs/stable/generated/torch.argsort.html

    >>> import tapegrad as tg
    >>> tg.argsort(tg.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    if input.ndim == 0:
        return xp.zeros((), xp.int64)
    if not descending:
        return xp.argsort(input, axis=dim, kind="stable")
    turned = xp.argsort(xp.flip(input, dim), axis=dim, kind="stable")
    return xp.flip(input.shape[dim] - 1 - turned, dim)


@function(methods="sort")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """Return the elements in order along a dimension, and the positions where they were.

    Equal elements keep their order, nan counts as the largest.
    Source: https://pytorch.org/docs/stable/generated/torch.sort.html

    >>> import tapegrad as tg
    >>> tg.sort(tg.tensor([3, 1, 2])).values
    tensor([1, 2, 3])
    """
    indices = argsort(input, dim=wrap_dim("sort", dim, input.ndim), descending=descending)
    return ValuesAndIndices(ops.gather(input, indices, dim=dim), indices)


@function(methods="msort")
def msort(input: Tensor) -> Tensor:
    """Return the elements in order along the first dimension."""
    return sort(input, 0).values


@primitive(
    formula=r"\mathrm{argtop}_k(x)",
    onnx="TopK",
    samples=lambda: [
        Sample(Array(3, 5, distinct=True), k=2),
        Sample(Array(5, 2, distinct=True), k=3, dim=0, largest=False),
        Sample(Array(4, distinct=True), k=4),
        Sample((3,), k=0),
    ],
    errors=lambda: [ErrorSample(ShapeError, "k = 4 of 3 elements", (3,), k=4)],
    torch="",
)
def topk_indices(xp, input, *, k, dim=-1, largest=True):
    """Return the positions of the k largest (smallest) elements along a dimension, the largest (smallest) first."""
    values = xp.moveaxis(input, dim, -1)
    size = values.shape[-1]
    if not 0 <= k <= size:
        raise ShapeError("topk", f"k = {k} of {size} elements in dimension {dim}", f"use 0 to {size}")
    start = size - k if largest else 0
    if 0 < k < size:
        order = xp.argpartition(values, start if largest else k - 1, axis=-1)
    else:
        order = xp.argsort(values, axis=-1)
    chosen = order[..., start : start + k]
    ranks = xp.argsort(xp.take_along_axis(values, chosen, -1), axis=-1)
    chosen = xp.take_along_axis(chosen, ranks, -1)
    return xp.array(xp.moveaxis(xp.flip(chosen, -1) if largest else chosen, -1, dim))


@function(methods="topk")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """Return the k largest (or smallest) elements along a dimension and their positions, in order whatever ``sorted`` says.

    Raises ShapeError when there are fewer than k.
    Source: https://pytorch.org/docs/stable/generated/torch.topk.html

    >>> import tapegrad as tg
    >>> tg.topk(tg.tensor([1.0, 3.0, 2.0]), 2).indices
    tensor([1, 2])
    """
    place = wrap_dim("topk", dim, input.ndim)
    if input.ndim == 0:
        return ValuesAndIndices(*(ops.reshape(part, shape=()) for part in topk(ops.reshape(input, shape=(1,)), k)))
    indices = ops.topk_indices(input, k=int(k), dim=place, largest=largest)
    return ValuesAndIndices(ops.gather(input, indices, dim=place), indices)


@function(methods="kthvalue")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """Return the k-th smallest element (k counts from 1) along a dimension, and its position.

    Source: https://pytorch.org/docs/stable/generated/torch.kthvalue.html

    >>> import tapegrad as tg
    >>> tg.kthvalue(tg.tensor([5.0, 3.0, 4.0]), 2).values
    tensor(4.)
    """
    place = wrap_dim("kthvalue", dim, input.ndim)
    if input.ndim == 0:
        return ValuesAndIndices(*(ops.reshape(x, shape=()) for x in kthvalue(ops.reshape(input, shape=(1,)), k)))
    if not 1 <= k <= input.shape[place]:
        raise ShapeError("kthvalue", f"k = {k} of {input.shape[place]} elements", f"use 1 to {input.shape[place]}")
    lowest = ops.topk_indices(input, k=int(k), dim=place, largest=False)
    indices = narrow(lowest, place, k - 1, 1)
    values = ops.gather(input, indices, dim=place)
    return (
        ValuesAndIndices(values, indices)
        if keepdim
        else ValuesAndIndices(squeeze(values, place), squeeze(indices, place))
    )


# -- searching ----------------------------------------------------------------------------------------------------------


@primitive(
    formula=r"\min \{ i : v \le s_i \}",
    samples=lambda: [
        Sample(np.array([0.0, 1.0, 1.0, 2.0]), (2, 3)),
        Sample(np.array([0.0, 1.0, 1.0, 2.0]), (), right=True),
        Sample(np.array([[0.0, 1.0], [-1.0, 0.5]]), (2, 3)),
        Sample(np.array([1.0, 0.0]), (3,), np.array([1, 0])),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "rows of the sequence", np.zeros((2, 2)), (3, 1)),
        ErrorSample(OptionError, "side is 'up'", np.zeros(2), (3,), side="up"),
    ],
    torch="",
)
def searchsorted(xp, sorted_sequence, input, sorter=None, *, out_int32=False, right=False, side=None):
    """Return where elements would have to be put into a sorted sequence (the last dimension) to keep it sorted.

    With ``right``, or ``side="right"``, behind equal elements, else before them. ``sorter``: the positions that would
    sort the sequence. Raises ShapeError when the leading dimensions differ.
    Source: https://pytorch.org/docs/stable/generated/torch.searchsorted.html

    >>> import tapegrad as tg
    >>> tg.searchsorted(tg.tensor([1, 3, 5]), tg.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise OptionError("searchsorted", f"side is '{side}'", "use 'left' or 'right'")
    side = side or ("right" if right else "left")
    if sorter is not None:
        sorted_sequence = xp.take_along_axis(sorted_sequence, sorter, -1)
    if sorted_sequence.ndim == 1:
        found = xp.asarray(xp.searchsorted(sorted_sequence, input, side))
    else:
        found = _search_rows(xp, sorted_sequence, input, side)
    return found.astype(xp.int32) if out_int32 else found


def _search_rows(xp, sequences, values, side):
    if sequences.shape[:-1] != values.shape[:-1]:
        raise ShapeError(
            "searchsorted",
            f"{sequences.shape[:-1]} rows of the sequence, {values.shape[:-1]} of the values",
            "make them equal, or give one vector as the sequence",
        )
    out = xp.empty(values.shape, xp.int64)
    for place in range(out[..., 0].size):
        row = xp.unravel_index(place, out.shape[:-1])
        out[row] = xp.searchsorted(sequences[row], values[row], side)
    return out


@function(methods="bucketize")
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return the number of the interval between boundaries that each element lies in.

    Source: https://pytorch.org/docs/stable/generated/torch.bucketize.html

    >>> import tapegrad as tg
    >>> tg.bucketize(tg.tensor([1, 4, 9]), tg.tensor([2, 5]))
    tensor([0, 1, 2])
    """
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return integers as vectors of ``num_classes`` elements, zero but for a one: the last dimension is new.

    Without ``num_classes`` it is the largest integer plus one. Raises IndexRangeError for integers out of range.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html

    >>> import tapegrad as tg
    >>> tg.one_hot(tg.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype.kind not in "iu":
        raise DTypeError("one_hot", f"the dtype is {tensor.dtype}", "convert it with .long()")
    if num_classes < 0:
        labels = tensor._read("one_hot")
        if not labels.size:
            raise ShapeError("one_hot", "there are no labels to count the classes of", "give num_classes")
        num_classes = int(labels.max()) + 1
    zeros = ops.full(size=(*tensor.shape, num_classes), fill_value=0, dtype=np.dtype(np.int64))
    return ops.put_along_dim(zeros, unsqueeze(tensor, -1), 1, dim=-1)
