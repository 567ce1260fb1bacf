"""Rows of a table by number: the embedding."""

from __future__ import annotations

from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, IndexRangeError, ShapeError

__all__ = ["embedding"]


def _require_rows(xp, weight: Any, indices: Any) -> None:
    if weight.ndim != 2:
        raise ShapeError("embedding", f"argument 'weight' has shape {tuple(weight.shape)}", "it should be a matrix")
    if indices.dtype.kind not in "iu":
        raise DTypeError("embedding", f"the indices have dtype {indices.dtype}", "convert them with .long()")
    # Read as unsigned, negative indices are large ones.
    outside = indices.astype(xp.int64, copy=False).view(xp.uint64) >= weight.shape[0]
    if outside.any():
        place = tuple(int(i) for i in xp.argwhere(outside)[0])
        raise IndexRangeError(
            "embedding",
            f"input{list(place)} is {int(indices[place])}, and there are {weight.shape[0]} rows",
            f"indices go from 0 to {weight.shape[0] - 1}",
        )


def _embedding_gradient(g, indices, weight_shape, padding_idx, scale_grad_by_freq):
    if padding_idx >= 0 or scale_grad_by_freq:
        scale = ops.lookup_scale(
            indices, rows=weight_shape[0], padding_idx=padding_idx, by_frequency=scale_grad_by_freq, dtype=g.dtype
        )
        g = g * ops.reshape(scale, shape=(*scale.shape, 1))
    return ops.index_sum(g, indices, dims=(0,), shape=weight_shape)


@primitive(
    vjp=(_embedding_gradient, None),
    formula=r"W_{i}",
    derivative=r"[k = i]",
    onnx="Gather",
    samples=lambda: [
        Sample((5, 3), Array(4, low=0, high=5, dtype="int64")),
        Sample((5, 3), Array(2, 3, low=0, high=5, dtype="int32")),
        Sample((5, 3), Array(low=0, high=5, dtype="int64")),
        Sample((5, 2), Array(0, dtype="int64")),
    ],
    errors=lambda: [
        ErrorSample(
            IndexRangeError, r"input\[0\] is 7, and there are 5 rows", (5, 3), Array(2, low=7, high=8, dtype="int64")
        ),
        ErrorSample(DTypeError, "convert them with .long()", (5, 3), Array(2, dtype="float32")),
        ErrorSample(ShapeError, "should be a matrix", (5,), Array(2, low=0, high=5, dtype="int64")),
    ],
)
def embedding(xp, weight, indices, *, padding_idx=-1, scale_grad_by_freq=False, sparse=False, out=None):
    """Return the rows of ``weight`` (rows, features) that ``indices`` (any shape) name: shape (*indices.shape, features).

    The row ``padding_idx`` gets no gradient (none is excepted at -1); with ``scale_grad_by_freq`` a row's gradient is
    divided by how often it occurs. ``sparse`` is accepted for compatibility. Raises IndexRangeError for an index out of
    range. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html

    >>> import tapegrad as tg
    >>> tg.embedding(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1, 0, 1]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    _require_rows(xp, weight, indices)
    # Positions known to be in range need no buffer on the way into ``out``.
    return xp.take(weight, indices, axis=0) if out is None else xp.take(weight, indices, 0, out, "clip")


@primitive(
    formula=r"[i \ne \text{padding}] / \#\{j : i_j = i\}",
    samples=lambda: [
        Sample(Array(4, low=0, high=3, dtype="int64"), rows=3, padding_idx=1, by_frequency=False, dtype="float32"),
        Sample(Array(2, 3, low=0, high=3, dtype="int64"), rows=3, padding_idx=-1, by_frequency=True, dtype="float64"),
        Sample(Array(low=0, high=3, dtype="int64"), rows=3, padding_idx=-1, by_frequency=True, dtype="float32"),
    ],
    torch="",
)
def lookup_scale(xp, indices, *, rows, padding_idx, by_frequency, dtype):
    """Return what the gradient of each looked-up row is multiplied by."""
    scale = xp.asarray(indices != padding_idx, dtype)
    if not by_frequency:
        return scale
    return scale / xp.bincount(indices.reshape(-1), minlength=rows)[indices].astype(dtype)
