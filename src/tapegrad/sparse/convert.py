"""What dense tensors' methods about sparse ones do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, ops
from ..errors import IndexRangeError, LayoutError, ShapeError
from ..ops.layouts import sparse_coo, strided
from .tensor import SparseTensor, is_sparse, make_sparse

__all__ = ["sparse_mask", "to_sparse", "to_sparse_coo"]


def to_sparse(
    input: Tensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
) -> Any:
    """Return a dense tensor's elements other than 0 as a sparse tensor, those of the last dimensions kept together.

    ``sparse_dim``: how many dimensions become sparse, by default all.
    Raises IndexRangeError for more of them than there are, LayoutError for another layout than coordinates.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.to_sparse.html
    """
    if layout == strided:
        return input
    if layout is not None and layout != sparse_coo:
        raise LayoutError("to_sparse", f"there is no layout {layout}", "use torch.sparse_coo")
    dims = input.ndim if sparse_dim is None else sparse_dim
    if not (0 < dims <= input.ndim or dims == input.ndim == 0):
        raise IndexRangeError(
            "to_sparse", f"sparse_dim is {dims} for {input.ndim} dimensions", f"use 1 to {input.ndim}"
        )
    array = input._read("to_sparse")
    held = (array.reshape(*array.shape[:dims], math.prod(array.shape[dims:])) != 0).any(-1)
    positions = np.array(held.nonzero(), np.int64).reshape(dims, -1)
    values = ops.index(input, *positions, dims=tuple(range(dims))) if dims else input.reshape(1)
    return make_sparse(positions, values, tuple(input.shape), True)


def to_sparse_coo(input: Tensor) -> Any:
    """Return a dense tensor's elements other than 0 as a sparse tensor."""
    return to_sparse(input)


def sparse_mask(input: Tensor, mask: Tensor) -> SparseTensor:
    """Return the elements of a tensor, dense or sparse, at the entries of a sparse one.

    Raises LayoutError for a dense mask, ShapeError for another shape.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.sparse_mask.html
    """
    if not is_sparse(mask):
        raise LayoutError("sparse_mask", "the mask is dense", "use to_sparse() on it")
    if tuple(input.shape) != tuple(mask.shape):
        raise ShapeError("sparse_mask", f"shapes {tuple(input.shape)} and {tuple(mask.shape)} differ", "make them fit")
    dense = input.to_dense() if is_sparse(input) else input
    values = ops.index(dense, *mask._positions, dims=tuple(range(mask.sparse_dim())))
    return make_sparse(mask._positions, values, tuple(mask.shape), mask.is_coalesced())


SparseTensor.sparse_mask = sparse_mask  # type: ignore[attr-defined]


def _only_sparse(name: str) -> Any:
    def refuse(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise LayoutError(name, "expected a sparse tensor, got a dense one", "use to_sparse() first")

    return refuse


def _no_such_layout(name: str) -> Any:
    def refuse(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise LayoutError(name, "the layout by coordinates is the only sparse one", "use to_sparse()")

    return refuse


for _name in ("coalesce", "is_coalesced", "indices", "values", "_indices", "_values", "_nnz"):
    globals()[_name] = _only_sparse(_name)
for _name in ("to_sparse_csr", "to_sparse_csc", "to_sparse_bsr", "to_sparse_bsc"):
    globals()[_name] = _no_such_layout(_name)
