"""SparseTensor: coordinates and values. Operations on it are compositions of gathering and adding over the values.

It is a Tensor to ``isinstance``, but has no array. The engine asks :meth:`SparseTensor.apply_primitive` instead, which
looks into the table in rules.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import STATE, Size, Tensor, ops, wrap
from ..core.graph import Storage
from ..errors import GradError, IndexRangeError, LayoutError, ShapeError, UsageError
from ..ops.layouts import layout, sparse_coo
from .positions import groups

__all__ = ["SparseTensor", "is_sparse", "make_sparse"]


def _refused(name: str, fix: str = "use to_dense() first") -> Callable:
    def method(self: SparseTensor, *args: Any, **kwargs: Any) -> Any:
        raise LayoutError(name, "a sparse tensor has no such operation", fix)

    method.__name__ = name
    method.__doc__ = "Raise LayoutError: there is no such operation for sparse tensors."
    return method


class SparseTensor(Tensor):
    """A tensor of which only some elements are held, by their coordinates; the others are 0.

    Made by :func:`tapegrad.sparse_coo_tensor` and ``to_sparse()``. Equal coordinates add up; ``coalesce()`` adds them
    and sorts them. Values may have dimensions of their own, which are dense. Gradients go to the values.
    Source: https://pytorch.org/docs/stable/sparse.html#sparse-coo-tensors

    >>> import tapegrad as tg
    >>> tg.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """

    __slots__ = ("_coalesced", "_held", "_own", "_positions", "_size")

    _positions: np.ndarray
    _held: Tensor
    _size: tuple[int, ...]
    _coalesced: bool
    # Whether it is a leaf: its values are then nobody else's.
    _own: bool

    is_sparse = True  # type: ignore[assignment]
    layout: layout = sparse_coo

    @property
    def _entries(self) -> Tensor:
        """The values. A program could not follow the coordinates, so no step with a sparse tensor becomes one."""
        tracer = STATE.tracer
        if tracer is not None and not tracer.maps:
            tracer.refuse(
                "sparse", "a sparse tensor is used inside the step", "leave the step eager, or use to_dense()"
            )
        return self._held

    @property
    def array(self) -> np.ndarray:  # type: ignore[override]
        """Raise LayoutError: there is no array of all elements."""
        raise LayoutError("sparse", "a sparse tensor has no array of its elements", "use to_dense() first")

    def apply_primitive(self, primitive: Any, inputs: tuple, keywords: dict) -> Any:
        """Return what a primitive gives for inputs of which this tensor is one.

        Raises LayoutError for a primitive that there is not for sparse tensors.
        """
        from .rules import RULES

        rule = RULES.get(primitive.name)
        result = NotImplemented if rule is None else rule(*inputs, **keywords)
        if result is NotImplemented:
            kinds = ", ".join(_kind(x) for x in inputs)
            raise LayoutError(
                primitive.name, f"is not there for these tensors ({kinds})", "use to_dense() on the sparse ones"
            )
        return result

    # -- what it looks like ---------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._size)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        if dim is None:
            return Size(self._size)
        if not -self.ndim <= dim < self.ndim:
            raise IndexRangeError("size", f"dimension {dim} of a tensor with {self.ndim}", "use one that it has")
        return self._size[dim]

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._entries.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions, sparse and dense."""
        return len(self._size)

    def dim(self) -> int:
        """Return the number of dimensions, sparse and dense."""
        return len(self._size)

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements, held or not."""
        return Size(self._size).numel()

    nelement = numel

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self._entries.itemsize

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self._entries.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of coordinates and values."""
        return self._entries.nbytes + self._positions.nbytes

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point one."""
        return self._entries.is_floating_point()

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self._entries.is_complex()

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Return False: the elements do not lie in memory in their order."""
        return False

    def stride(self, dim: int | None = None) -> Any:
        """Return zeros: there are no steps between elements."""
        return (0,) * self.ndim if dim is None else 0

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Return the name of the tensor's type, or the tensor converted to a dtype."""
        if dtype is None:
            return self._entries.type().replace("torch.", "torch.sparse.")
        return self.to(dtype)

    def sparse_dim(self) -> int:
        """Return the number of dimensions that coordinates are for: the first ones."""
        return len(self._positions)

    def dense_dim(self) -> int:
        """Return the number of dimensions that the values have of their own: the last ones."""
        return len(self._size) - len(self._positions)

    def _nnz(self) -> int:
        """Return the number of entries, equal coordinates counted each time."""
        return self._positions.shape[1]

    # -- entries --------------------------------------------------------------------------------------------------

    def _indices(self) -> Tensor:
        """Return the coordinates, (sparse dimensions, entries)."""
        return wrap(self._positions)

    def _values(self) -> Tensor:
        """Return the values, cut off from the graph."""
        return self._entries.detach()

    def indices(self) -> Tensor:
        """Return the coordinates, (sparse dimensions, entries), of a coalesced tensor."""
        self._check_coalesced("indices")
        return wrap(self._positions)

    def values(self) -> Tensor:
        """Return the values of a coalesced tensor, on the graph."""
        self._check_coalesced("values")
        return self._entries

    def _check_coalesced(self, who: str) -> None:
        if not self._coalesced:
            raise ShapeError(who, "the tensor is not coalesced", "call coalesce() first")

    def is_coalesced(self) -> bool:
        """Return whether the coordinates are known to be sorted and different."""
        return self._coalesced

    def _coalesced_(self, coalesced: bool) -> SparseTensor:
        """Say that the coordinates are sorted and different, or not, in place."""
        self._coalesced = bool(coalesced)
        return self

    def coalesce(self) -> SparseTensor:
        """Return the tensor with sorted coordinates, the values of equal ones added; itself when it has them.

        >>> import tapegrad as tg
        >>> tg.sparse_coo_tensor([[1, 0, 1]], [1.0, 2.0, 3.0]).coalesce().values()
        tensor([2., 4.])
        """
        if self._coalesced:
            return self
        distinct, group = groups(self._positions, self._size[: self.sparse_dim()])
        shape = (distinct.shape[1], *self._entries.shape[1:])
        values = ops.index_sum(self._entries, group, dims=(0,), shape=shape)
        return make_sparse(distinct, values, self._size, True)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
        """Return the dense tensor. Its gradient with respect to the values is that at their coordinates."""
        entries = self._entries if dtype is None else self._entries.to(dtype)
        dims = tuple(range(self.sparse_dim()))
        if not dims:
            return entries.sum(0)
        return ops.index_sum(entries, *self._positions, dims=dims, shape=self._size)

    def to_sparse(self, sparse_dim: int | None = None, *, layout: Any = None, **kwargs: Any) -> SparseTensor:
        """Return the tensor itself."""
        if layout is not None and layout != sparse_coo:
            self.to_sparse_csr()
        return self

    def to_sparse_coo(self) -> SparseTensor:
        """Return the tensor itself."""
        return self

    to_sparse_csr = _refused("to_sparse_csr", "the layout by coordinates is the only sparse one")
    to_sparse_csc = _refused("to_sparse_csc", "the layout by coordinates is the only sparse one")
    to_sparse_bsr = _refused("to_sparse_bsr", "the layout by coordinates is the only sparse one")
    to_sparse_bsc = _refused("to_sparse_bsc", "the layout by coordinates is the only sparse one")
    contiguous = _refused("contiguous")
    tolist = _refused("tolist")
    data_ptr = _refused("data_ptr")
    storage_offset = _refused("storage_offset")

    # -- the graph ------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded: whether its values require a gradient."""
        return self._entries.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not self._entries.requires_grad:
            self._held, self._own = self._entries.detach(), True
        self._entries.requires_grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return self._own or not self.requires_grad

    @property
    def grad_fn(self) -> Any:
        """The operation that made the values; None for a leaf."""
        return None if self.is_leaf else self._entries.grad_fn

    @property
    def grad(self) -> Tensor | None:
        """The gradient of a leaf, at the coordinates of its entries, or None."""
        held = self._entries.grad if self._own else None
        return None if held is None else make_sparse(self._positions, held, self._size, self._coalesced)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not is_sparse(value):
            raise UsageError("grad", "the gradient of a sparse tensor is sparse", "assign a sparse tensor, or None")
        self._entries.grad = None if value is None else value._values()

    def register_hook(self, hook: Callable) -> Any:
        """Call ``hook`` with the gradient of the values when it is known."""
        return self._entries.register_hook(hook)

    def detach(self) -> SparseTensor:
        """Return a tensor with the same coordinates and values that is cut off from the graph."""
        return make_sparse(self._positions, self._entries.detach(), self._size, self._coalesced)

    def detach_(self) -> SparseTensor:
        """Cut this tensor off from the graph, in place."""
        self._held, self._own = self._entries.detach(), False
        return self

    @property
    def data(self) -> SparseTensor:
        """The same coordinates and values, seen without the graph."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self._become(value)

    # -- reading values -------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self.numel() != 1:
            raise ShapeError("item", f"a tensor of shape {self._size} has {self.numel()} elements", "reduce it")
        return self.to_dense().item()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Raise UsageError: there is no array of all elements."""
        raise UsageError("numpy", "a sparse tensor is no array", "use to_dense().numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise ShapeError("bool", f"the truth of a tensor of shape {self._size} is ambiguous", "reduce it")
        return bool(self.to_dense())

    def __len__(self) -> int:
        if not self._size:
            raise UsageError("len", "a 0-d tensor has no length", "use numel()")
        return self._size[0]

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, index: Any) -> Tensor:
        from .selections import select_by

        return select_by(self, index)

    __setitem__ = _refused("__setitem__")
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        from .printing import format_sparse

        return format_sparse(self)

    # -- in place -------------------------------------------------------------------------------------------------

    def _become(self, other: Tensor) -> SparseTensor:
        """Take over coordinates and values of another sparse tensor."""
        if not is_sparse(other):
            raise LayoutError("sparse", "a dense result does not fit a sparse tensor", "write out of place")
        if self._own and self.requires_grad and other.requires_grad:
            raise GradError("sparse", "a leaf that requires a gradient is written to in place", "use no_grad()")
        wants, entries = self._own and self.requires_grad, other._entries
        if wants:
            entries = entries.detach().requires_grad_()
        self._positions, self._held, self._size = other._positions, entries, other._size
        self._coalesced = other._coalesced
        return self

    # -- copies and pickles ---------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict) -> SparseTensor:
        if not self.is_leaf:
            raise GradError("deepcopy", "this sparse tensor is the result of an operation", "detach() it first")
        out = make_sparse(self._positions.copy(), copy.deepcopy(self._entries, memo), self._size, self._coalesced)
        out._own = self._own
        memo[id(self)] = out
        return out

    def __reduce__(self) -> tuple:
        if not self.is_leaf:
            raise GradError("pickle", "this sparse tensor is the result of an operation", "detach() it first")
        return (_restore, (self._positions, self._entries, self._size, self._coalesced, self._own))


def make_sparse(positions: np.ndarray, values: Tensor, size: tuple, coalesced: bool) -> SparseTensor:
    """Return a SparseTensor of coordinates, values and a size that fit, without copies."""
    out = object.__new__(SparseTensor)
    out.node = None
    out.memory = Storage()
    out._grad = None
    out.view_version = None
    out._leaf_grad = False
    out._hooks = None
    out._positions, out._held, out._size = positions, values, tuple(size)
    out._coalesced, out._own = coalesced or not positions.shape[1], False
    return out


def _restore(positions: np.ndarray, values: Tensor, size: tuple, coalesced: bool, own: bool) -> SparseTensor:
    out = make_sparse(positions, values, size, coalesced)
    out._own = own
    return out


def is_sparse(value: Any) -> bool:
    """Return whether something is a sparse tensor."""
    return isinstance(value, SparseTensor)


def _kind(value: Any) -> str:
    if is_sparse(value):
        return "sparse"
    return "dense" if isinstance(value, (Tensor, np.ndarray)) else type(value).__name__
