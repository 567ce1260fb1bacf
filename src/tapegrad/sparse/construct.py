"""Making sparse tensors."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import available, get_default_dtype
from ..core import Tensor, as_array, as_tensor, wrap
from ..errors import DTypeError, PositionError, ShapeError, UsageError
from ..ops.layouts import sparse_coo
from .tensor import SparseTensor, make_sparse

__all__ = ["check_sparse_tensor_invariants", "sparse_coo_tensor", "spdiags"]


def sparse_coo_tensor(
    indices: Any,
    values: Any = None,
    size: Sequence[int] | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """Return the sparse tensor with ``values[e]`` at the coordinates ``indices[:, e]``; equal ones add up.

    ``indices``: (sparse dimensions, entries). ``values``: (entries, dense dimensions...); gradients go to it.
    ``size``: by default the smallest that holds all entries. ``sparse_coo_tensor(size)`` has no entries.
    Coordinates are always checked: raises PositionError for those outside of the size, ShapeError for indices, values
    and size that do not fit, DTypeError when values without gradients are to require one.
    Source: https://pytorch.org/docs/stable/generated/torch.sparse_coo_tensor.html

    >>> import tapegrad as tg
    >>> tg.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3))
    tensor(indices=tensor([[0, 1],
                           [2, 0]]),
           values=tensor([3., 4.]),
           size=(2, 3), nnz=2, layout=torch.sparse_coo)
    """
    if device is not None:
        available(device)
    dtype = None if dtype is None else np.dtype(dtype)
    if values is None:
        indices, values, size = *_nothing(tuple(indices), dtype), tuple(indices)
    positions = _positions(indices)
    entries = _entries(values, dtype, requires_grad)
    size = _checked_size(positions, entries, size)
    if is_coalesced and check_invariants and len(positions) and _is_unsorted(positions):
        raise ShapeError("sparse_coo_tensor", "the indices are not sorted or not different", "use coalesce()")
    out = make_sparse(positions, entries, size, bool(is_coalesced) or not positions.shape[1])
    if requires_grad:
        if entries.dtype.kind not in "fc":
            raise DTypeError("sparse_coo_tensor", f"values of dtype {entries.dtype} have no gradient", "use floats")
        out.requires_grad = True
    return out


def _nothing(size: tuple, dtype: Any) -> tuple[np.ndarray, Tensor]:
    return np.zeros((len(size), 0), np.int64), wrap(np.zeros(0, dtype or get_default_dtype()))


def _positions(indices: Any) -> np.ndarray:
    if isinstance(indices, Tensor):
        indices = indices._read("sparse_coo_tensor")
    elif isinstance(indices, (list, tuple)):
        indices = [as_array(row) for row in indices]
    positions = np.asarray(indices)
    if positions.ndim != 2:
        raise ShapeError(
            "sparse_coo_tensor",
            f"the indices have shape {positions.shape}",
            "give (sparse dimensions, entries)",
        )
    return positions.astype(np.int64)


def _entries(values: Any, dtype: Any, requires_grad: bool) -> Tensor:
    entries = as_tensor(values)
    entries = entries if dtype is None else entries.to(dtype)
    if entries.ndim == 0:
        entries = entries.reshape(1)
    return entries.detach() if requires_grad else entries


def _checked_size(positions: np.ndarray, entries: Tensor, size: Any) -> tuple[int, ...]:
    sparse, count = positions.shape
    if entries.shape[0] != count:
        raise ShapeError(
            "sparse_coo_tensor", f"there are {count} indices and {entries.shape[0]} values", "give as many of each"
        )
    if size is None:
        if not count and sparse:
            return (*(0,) * sparse, *entries.shape[1:])
        return (*(positions.max(1) + 1).tolist(), *entries.shape[1:])
    if isinstance(size, int):
        raise UsageError("sparse_coo_tensor", f"the size is {size}", "give a tuple")
    size = tuple(int(n) for n in size)
    if len(size) != sparse + entries.ndim - 1 or size[sparse:] != tuple(entries.shape[1:]):
        raise ShapeError(
            "sparse_coo_tensor",
            f"size {size} does not fit {sparse} rows of indices and values of shape {tuple(entries.shape)}",
            "give a size for each row of indices, then those of the values after their first",
        )
    for d, row in enumerate(positions if count else ()):
        if row.min() < 0 or row.max() >= size[d]:
            found = int(row.min() if row.min() < 0 else row.max())
            raise PositionError(
                "sparse_coo_tensor",
                f"index {found} in dimension {d}, whose size is {size[d]}",
                f"use 0 to {size[d] - 1}",
            )
    return size


def _is_unsorted(positions: np.ndarray) -> bool:
    order = np.lexsort(positions[::-1])
    repeated = bool((positions[:, 1:] == positions[:, :-1]).all(0).any())
    return repeated or bool((order != np.arange(len(order))).any())


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Sequence[int], layout: Any = None) -> SparseTensor:
    """Return the sparse matrix whose diagonals are rows of ``diagonals``; ``offsets`` says how far above the main one.

    Column j of the matrix takes its element of a diagonal from column j of ``diagonals``.
    Raises ShapeError for arguments that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.sparse.spdiags.html

    >>> import tapegrad as tg
    >>> tg.sparse.spdiags(tg.ones(1, 3), tg.tensor([0]), (3, 3)).to_dense().trace()
    tensor(3.)
    """
    rows = diagonals if diagonals.ndim == 2 else diagonals.reshape(1, -1)
    shifts = as_array(offsets).reshape(-1)
    if layout not in (None, sparse_coo):
        raise UsageError("spdiags", f"the layout is {layout}", "use torch.sparse_coo")
    if len(shape) != 2 or len(shifts) != rows.shape[0] or len(set(shifts.tolist())) != len(shifts):
        raise ShapeError(
            "spdiags", f"{rows.shape[0]} diagonals, offsets {shifts.tolist()}, shape {tuple(shape)}", "make them fit"
        )
    which, column = np.meshgrid(*map(np.arange, rows.shape), indexing="ij")
    row = column - shifts[:, None]
    inside = (row >= 0) & (row < shape[0]) & (column < shape[1])
    positions = np.stack([row[inside], column[inside]])
    values = rows[wrap(which[inside]), wrap(column[inside])]
    return make_sparse(positions, values, tuple(shape), False)


class check_sparse_tensor_invariants:  # noqa: N801  (PyTorch's name)
    """Accepted for compatibility: coordinates are always checked. A context, or switched by its static methods."""

    _enabled = False

    def __init__(self, enable: bool = True):
        self.state = enable

    @staticmethod
    def is_enabled() -> bool:
        """Return what was last asked for."""
        return check_sparse_tensor_invariants._enabled

    @staticmethod
    def enable() -> None:
        """Ask for checks."""
        check_sparse_tensor_invariants._enabled = True

    @staticmethod
    def disable() -> None:
        """Ask for no checks."""
        check_sparse_tensor_invariants._enabled = False

    def __enter__(self) -> None:
        self.before = self.is_enabled()
        check_sparse_tensor_invariants._enabled = self.state

    def __exit__(self, *exc: object) -> None:
        check_sparse_tensor_invariants._enabled = self.before

    def __call__(self, mth: Any) -> Any:
        """Return the function with the switch set as asked while it runs."""

        @functools.wraps(mth)
        def call(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return mth(*args, **kwargs)

        return call
