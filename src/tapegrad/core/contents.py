"""What a tensor holds: its shape and dtype, and its values as Python's and NumPy's."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import Device
from ..errors import GradError, IndexRangeError, OptionError, ShapeError, TraceError, UsageError
from .graph import _PACKAGE, STATE, Storage, user_line
from .notes import note_cut, note_number
from .size import Size

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Contents", "as_array"]


def look_at_layout(who: str) -> None:
    """Tell a running trace that the author of the step asked how a tensor lies in memory, which no guard looks at."""
    tracer = STATE.tracer
    if tracer is not None and not tracer.maps and not sys._getframe(2).f_code.co_filename.startswith(_PACKAGE):
        tracer.refuse(who, "the step asks how a tensor lies in memory", "ask outside the step")


class Contents:
    """The part of :class:`Tensor` that looks at its array and reads it."""

    __slots__ = ()

    if TYPE_CHECKING:
        array: np.ndarray
        memory: Storage
        requires_grad: bool
        node: Any
        _leaf_grad: bool

        def unbind(self, dim: int = 0) -> tuple[Tensor, ...]: ...

    # -- what it looks like ---------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        if dim is None:
            return Size(self.array.shape)
        try:
            return self.array.shape[dim]
        except IndexError:
            raise IndexRangeError(
                "size", f"dimension {dim} of a tensor with {self.ndim}", f"use {-self.ndim} to {self.ndim - 1}"
            ) from None

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    nelement = numel

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the steps between neighbours along each dimension, in elements."""
        look_at_layout("stride")
        steps = tuple(s // self.array.itemsize for s in self.array.strides)
        return steps if dim is None else steps[dim]

    def storage_offset(self) -> int:
        """Return how many elements into its memory the tensor begins."""
        look_at_layout("storage_offset")
        base = self.array
        while isinstance(base.base, np.ndarray):
            base = base.base
        return (self.array.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // self.array.itemsize

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return self.array.__array_interface__["data"][0]

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point one."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    @property
    def _version(self) -> int:
        look_at_layout("_version")
        return self.memory.version

    @property
    def device(self) -> Device:
        """Where the tensor lives."""
        return Device("cpu")

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lives on a GPU: False."""
        return False

    @property
    def is_sparse(self) -> bool:
        """Whether the tensor is sparse: False."""
        return False

    # -- reading values -------------------------------------------------------------------------------------------

    def _read(self, who: str) -> np.ndarray:
        tracer = STATE.tracer
        if tracer is not None and tracer.maps:
            if tracer.holds(self.array):
                raise TraceError(
                    who, f"a value is read into Python at {user_line()} inside vmap", "keep it a tensor, as in where()"
                )
        elif tracer is not None:
            tracer.refuse(
                who,
                f"a value is read into Python at {user_line()} while the step is being traced",
                "keep it a tensor inside the step, and read it from the result",
            )
        return self.array

    def item(self) -> Any:
        """Return the only element as a Python number."""
        array = self._read("item")
        if array.size != 1:
            raise ShapeError(
                "item", f"a tensor of shape {array.shape} has {array.size} elements", "use tolist(), or reduce it"
            )
        if self.node is not None or self._leaf_grad:
            note_number("item", array.item())
        return array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        array = self._read("tolist")
        if self.node is not None or self._leaf_grad:
            note_number("tolist")
        return array.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Return the NumPy array inside, sharing memory.

        Raises GradError for a tensor that requires a gradient, unless ``force`` is set or recording is off.
        """
        if self.requires_grad and not force and STATE.grad_enabled:
            raise GradError(
                "numpy",
                "this tensor requires a gradient, which the array would lose",
                "use t.detach().numpy(), or np.asarray(t)",
            )
        array = self._read("numpy")
        if self.node is not None or self._leaf_grad:
            note_cut("numpy", self, None, weakref.ref(array))
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._read("np.asarray")
        if self.node is not None or self._leaf_grad:
            note_cut("numpy", self, None, weakref.ref(array))
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise GradError(
                "__dlpack__", "this tensor requires a gradient, which DLPack cannot carry", "use t.detach()"
            )
        return self._read("__dlpack__").__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __bool__(self) -> bool:
        array = self._read("bool")
        if array.size != 1:
            raise ShapeError(
                "bool",
                f"the truth of a tensor of shape {array.shape} is ambiguous",
                "use .any() or .all(), or compare one element",
            )
        return bool(array)

    def __int__(self) -> int:
        return int(self._number("int"))

    def __float__(self) -> float:
        return float(self._number("float"))

    def _number(self, who: str) -> Any:
        if self.numel() != 1:
            raise OptionError(
                who, f"a tensor of shape {tuple(self.shape)} has {self.numel()} elements", "use tolist(), or reduce it"
            )
        return self.item()

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise UsageError(
                "index",
                f"a tensor of dtype {self.array.dtype} and shape {self.array.shape} is no index",
                "use one integer",
            )
        return int(self.item())

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise UsageError("len", "a 0-d tensor has no length", "use numel()")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise UsageError("iter", "a 0-d tensor cannot be iterated over", "use item()")
        return iter(self.unbind(0) if self.array.shape[0] else ())

    def __contains__(self, value: Any) -> bool:
        return bool((self._read("in") == as_array(value)).any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __repr__(self) -> str:
        from .printing import format_tensor

        self._read("repr")
        return format_tensor(self)


def as_array(value: Any) -> np.ndarray:
    """Return the array of a tensor, or the array that NumPy makes of anything else."""
    return value.array if isinstance(value, Contents) else np.asarray(value)
