"""Products with sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, ops
from ..errors import LayoutError, ShapeError
from .positions import groups, join
from .tensor import SparseTensor, is_sparse, make_sparse

__all__ = ["addmm", "dsmm", "hsmm", "hspmm", "mm", "saddmm", "sampled_addmm", "smm", "spmm", "sspaddmm"]


def matmul(input: Any, other: Any) -> Any:
    """Return the product: sparse when both are, else dense. Vectors may stand on the dense side, batches on the left."""
    if is_sparse(input) and is_sparse(other):
        _check("matmul", input, other)
        return _both(input, other)
    if not is_sparse(input):
        if other.ndim != 2 or other.dense_dim():
            return NotImplemented
        left = input.reshape(1, -1) if input.ndim == 1 else input
        _check("matmul", left, other)
        flat = left.reshape(-1, left.shape[-1])
        product = _left(ops.transpose(other, dim0=0, dim1=1), flat.mT).mT
        return product.reshape(*input.shape[:-1], other.shape[1])
    if input.dense_dim() or input.ndim not in (2, 3):
        return NotImplemented
    if input.ndim == 3:
        return _batched(input, other)
    if other.ndim > 2:
        return NotImplemented
    right = other.reshape(-1, 1) if other.ndim == 1 else other
    _check("matmul", input, right)
    product = _left(input, right)
    return product.reshape(-1) if other.ndim == 1 else product


def _check(who: str, input: Any, other: Any) -> None:
    if (input.ndim != 2 and not (input.ndim > 2 and not is_sparse(input))) or other.ndim != 2:
        raise ShapeError(
            who, f"tensors with {input.ndim} and {other.ndim} dimensions", "sparse products are of matrices"
        )
    if input.shape[-1] != other.shape[0]:
        raise ShapeError(
            who,
            f"shapes {tuple(input.shape)} and {tuple(other.shape)} cannot be multiplied",
            f"the second should have {input.shape[-1]} rows",
        )


def _left(input: SparseTensor, other: Tensor) -> Tensor:
    rows, columns = input._positions
    return ops.coordinate_product(rows, columns, input._entries, other, count=input._size[0])


def _batched(input: SparseTensor, other: Tensor) -> Any:
    batch, rows, columns = input._size
    if other.ndim != 3 or other.shape[0] != batch or other.shape[1] != columns:
        raise ShapeError(
            "bmm", f"shapes {input._size} and {tuple(other.shape)} do not fit", "use (b, n, k) and (b, k, m)"
        )
    which, row, column = input._positions
    positions = np.stack([which * rows + row, which * columns + column])
    flat = make_sparse(positions, input._entries, (batch * rows, batch * columns), False)
    return _left(flat, other.reshape(batch * columns, -1)).reshape(batch, rows, -1)


def _both(input: SparseTensor, other: SparseTensor) -> SparseTensor:
    """Return the sparse product of two sparse matrices: every pair of entries that meet gives one term."""
    input, other = input.coalesce(), other.coalesce()
    (rows, inner), (present, columns) = input._positions, other._positions
    left, right = join(inner, present)
    terms = ops.mul(ops.index(input._entries, left, dims=(0,)), ops.index(other._entries, right, dims=(0,)))
    size = (input._size[0], other._size[1])
    return make_sparse(np.stack([rows[left], columns[right]]), terms, size, False).coalesce()


# -- PyTorch's names ----------------------------------------------------------------------------------------------------


def mm(mat1: Tensor, mat2: Tensor, reduce: str = "sum") -> Tensor:
    """Return the product of two matrices of which at least one is sparse, with gradients to both.

    The gradient of a sparse matrix is that of its values. Raises ShapeError for what does not fit, LayoutError for two
    dense ones or another ``reduce`` than the sum.
    Source: https://pytorch.org/docs/stable/generated/torch.sparse.mm.html

    >>> import tapegrad as tg
    >>> a = tg.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3))
    >>> tg.sparse.mm(a, tg.ones(3, 1))
    tensor([[3.],
            [4.]])
    """
    if reduce != "sum":
        raise LayoutError("sparse.mm", f"reduce is '{reduce}', which needs the layout CSR", "use 'sum'")
    if not is_sparse(mat1) and not is_sparse(mat2):
        raise LayoutError("sparse.mm", "both matrices are dense", "use mm()")
    _check("sparse.mm", mat1, mat2)
    return matmul(mat1, mat2)


def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices, sparse or dense: the same as :func:`tapegrad.mm`."""
    return ops.matmul(input, mat2) if not is_sparse(input) and not is_sparse(mat2) else mm(input, mat2)


dsmm = hsmm = spmm


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """Return beta · mat + alpha · mat1 @ mat2, where ``mat1`` is sparse.

    Source: https://pytorch.org/docs/stable/generated/torch.sparse.addmm.html
    """
    return mat * beta + mm(mat1, mat2) * alpha


def saddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> SparseTensor:
    """Return beta · input + alpha · mat1 @ mat2 as a sparse tensor, where ``input`` and ``mat1`` are sparse."""
    return sspaddmm(input, mat1, mat2, beta=beta, alpha=alpha)


def sspaddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> SparseTensor:
    """Return beta · input + alpha · mat1 @ mat2 as a sparse tensor, where ``input`` and ``mat1`` are sparse.

    Source: https://pytorch.org/docs/stable/generated/torch.sspaddmm.html
    """
    return input * beta + smm(mat1, mat2) * alpha  # type: ignore[return-value]


def smm(input: Tensor, mat2: Tensor) -> SparseTensor:
    """Return the product of a sparse with a dense matrix as a sparse tensor, all elements of rows with entries held.

    Source: https://pytorch.org/docs/stable/generated/torch.smm.html
    """
    rows = hspmm(input, mat2)
    held, width = rows._positions[0], rows._size[1]
    positions = np.stack([np.repeat(held, width), np.tile(np.arange(width), len(held))])
    return make_sparse(positions, rows._entries.reshape(-1), rows._size, False)


def hspmm(mat1: Tensor, mat2: Tensor) -> SparseTensor:
    """Return the product of a sparse with a dense matrix as a tensor whose rows are sparse and whose columns are dense.

    Source: https://pytorch.org/docs/stable/generated/torch.hspmm.html
    """
    if not is_sparse(mat1) or is_sparse(mat2):
        raise LayoutError("hspmm", "the first matrix has to be sparse and the second dense", "use to_sparse()")
    _check("hspmm", mat1, mat2)
    held, group = groups(mat1._positions[:1], mat1._size[:1])
    values = ops.coordinate_product(group, mat1._positions[1], mat1._entries, mat2, count=held.shape[1])
    return make_sparse(held, values, (mat1._size[0], mat2.shape[1]), False)


def sampled_addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0, out: None = None
) -> SparseTensor:
    """Return beta · input + alpha · mat1 @ mat2 at the entries of a sparse ``input``; the product is computed there alone.

    Source: https://pytorch.org/docs/stable/generated/torch.sparse.sampled_addmm.html

    >>> import tapegrad as tg
    >>> a = tg.sparse_coo_tensor([[0], [1]], [1.0], (2, 2))
    >>> tg.sparse.sampled_addmm(a, tg.ones(2, 3), tg.ones(3, 2)).values()
    tensor([4.])
    """
    if not is_sparse(input):
        raise LayoutError("sampled_addmm", "the input is dense", "use to_sparse() on it")
    t = input.coalesce()
    if tuple(t.shape) != (mat1.shape[0], mat2.shape[1]) or mat1.shape[1] != mat2.shape[0]:
        raise ShapeError(
            "sampled_addmm",
            f"shapes {tuple(t.shape)}, {tuple(mat1.shape)} and {tuple(mat2.shape)} do not fit",
            "use (n, m), (n, k) and (k, m)",
        )
    product = ops.coordinate_samples(*t._positions, mat1, mat2.mT)
    return make_sparse(t._positions, t._entries * beta + product * alpha, t._size, True)
