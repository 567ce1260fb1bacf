"""Sums over the entries of a matrix that is given by coordinates: its product with a dense one, and products at its entries.

The two are each other's gradients, so gradients of every order stay as sparse as the matrix is.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..core import Array, Sample, Tensor, ops, primitive

__all__: list[str] = []

# Elements of the terms that are in memory at once.
_PIECE = 1 << 22


def _positions(size: int, count: int = 5) -> Array:
    return Array(count, low=0, high=size, dtype="int64")


@primitive(
    promote="same",
    fixed=2,
    vjp=(
        None,
        None,
        lambda g, rows, columns, dense: ops.coordinate_samples(rows, columns, g, dense),
        lambda g, rows, columns, values, dense_shape: ops.coordinate_product(
            columns, rows, values, g, count=dense_shape[0]
        ),
    ),
    formula=r"y_i = \sum_{e: r_e = i} v_e \, x_{c_e}",
    derivative=r"v_e [r_e = i]",
    samples=lambda: [
        Sample(_positions(4), _positions(3), (5,), (3, 2), count=4),
        Sample(_positions(1), _positions(3), (5,), (3, 2), count=6),
        Sample(_positions(4, 0), _positions(3, 0), (0,), (3, 2), count=4),
        Sample(_positions(4), _positions(3), (5,), (3, 0), count=4),
    ],
    torch="",
)
def coordinate_product(xp, rows, columns, values, dense, *, count, out=None):
    """Return the product of a matrix of ``count`` rows, ``values`` at ``rows`` and ``columns``, with a dense matrix."""
    width = dense.shape[1]
    if out is None:
        out = xp.zeros((count, width), dense.dtype)
    else:
        out[...] = 0
    if not len(rows):
        return out
    if (rows[1:] < rows[:-1]).any():
        order = xp.argsort(rows, kind="stable")
        rows, columns, values = rows[order], columns[order], values[order]
    first = xp.flatnonzero(xp.concatenate([xp.ones(1, bool), rows[1:] != rows[:-1]]))
    step = max(1, _PIECE // len(rows))
    for start in range(0, width, step):
        part = slice(start, start + step)
        terms = xp.take(dense[:, part], columns, axis=0)
        terms *= values[:, None]
        out[rows[first], part] = xp.add.reduceat(terms, first, axis=0)
    return out


@primitive(
    promote="same",
    fixed=2,
    vjp=(
        None,
        None,
        lambda g, rows, columns, other, input_shape: ops.coordinate_product(
            rows, columns, g, other, count=input_shape[0]
        ),
        lambda g, rows, columns, input, other_shape: ops.coordinate_product(
            columns, rows, g, input, count=other_shape[0]
        ),
    ),
    formula=r"v_e = \sum_k a_{r_e k} b_{c_e k}",
    derivative=r"b_{c_e}, a_{r_e}",
    samples=lambda: [
        Sample(_positions(4), _positions(3), (4, 2), (3, 2)),
        Sample(_positions(4, 0), _positions(3, 0), (4, 2), (3, 2)),
        Sample(_positions(4), _positions(3), (4, 0), (3, 0)),
    ],
    torch="",
)
def coordinate_samples(xp, rows, columns, input, other):
    """Return the elements at ``rows`` and ``columns`` of the product of a matrix with the transpose of another."""
    width = input.shape[1]
    result = xp.zeros(len(rows), input.dtype)
    step = max(1, _PIECE // max(len(rows), 1))
    for start in range(0, width, step):
        part = slice(start, start + step)
        left, right = xp.take(input[:, part], rows, axis=0), xp.take(other[:, part], columns, axis=0)
        result += xp.einsum("ek,ek->e", left, right)
    return result


# -- methods of dense tensors -------------------------------------------------------------------------------------------


def _of_room(name: str, doc: str) -> Any:
    """Return the method that a room loads when it is first called: most programs have no sparse tensor."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        room = importlib.import_module("tapegrad.sparse.convert")
        return getattr(room, name)(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = doc
    return method


_METHODS = {
    "to_sparse": "Return the tensor with its elements other than 0 alone, by their coordinates.",
    "to_sparse_coo": "Return the tensor with its elements other than 0 alone, by their coordinates.",
    "to_sparse_csr": "Raise LayoutError: of PyTorch's sparse layouts there is that by coordinates.",
    "to_sparse_csc": "Raise LayoutError: of PyTorch's sparse layouts there is that by coordinates.",
    "to_sparse_bsr": "Raise LayoutError: of PyTorch's sparse layouts there is that by coordinates.",
    "to_sparse_bsc": "Raise LayoutError: of PyTorch's sparse layouts there is that by coordinates.",
    "sparse_mask": "Return the elements at the entries of a sparse tensor, as a sparse tensor.",
    "coalesce": "Raise LayoutError: only sparse tensors have entries.",
    "is_coalesced": "Raise LayoutError: only sparse tensors have entries.",
    "indices": "Raise LayoutError: only sparse tensors have entries.",
    "values": "Raise LayoutError: only sparse tensors have entries.",
    "_indices": "Raise LayoutError: only sparse tensors have entries.",
    "_values": "Raise LayoutError: only sparse tensors have entries.",
    "_nnz": "Raise LayoutError: only sparse tensors have entries.",
}
for _name, _doc in _METHODS.items():
    setattr(Tensor, _name, _of_room(_name, _doc))
