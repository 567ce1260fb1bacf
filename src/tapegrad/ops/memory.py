"""Tensors over memory that is there already: buffers, files, and the memory of other tensors seen as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Device, get_default_dtype
from ..core import Tensor, wrap
from ..errors import ArgumentError, FileFormatError
from .creation import _ready

__all__ = ["TypedStorage", "UntypedStorage", "from_file", "frombuffer", "is_storage"]


class UntypedStorage:
    """The bytes that a tensor and its views share: what ``Tensor.untyped_storage()`` returns.

    >>> import tapegrad as tg
    >>> len(tg.zeros(3).untyped_storage())
    12
    """

    def __init__(self, array: np.ndarray):
        while isinstance(array.base, np.ndarray):
            array = array.base
        order = sorted(range(array.ndim), key=lambda d: -array.strides[d])
        self._flat = array.transpose(order).reshape(-1)
        self._items = self._flat.view(np.uint8)

    device = Device("cpu")

    def data_ptr(self) -> int:
        """Return the address of the first byte."""
        return self._flat.__array_interface__["data"][0]

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._flat.nbytes

    def size(self) -> int:
        """Return the number of elements: of bytes, unless the storage has a dtype."""
        return self._items.size

    __len__ = size

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self._items.itemsize

    def tolist(self) -> list:
        """Return the elements as Python numbers."""
        return self._items.tolist()

    def __getitem__(self, place: Any) -> Any:
        found = self._items[place]
        return found.item() if isinstance(found, np.generic) else found.tolist()

    def __setitem__(self, place: Any, value: Any) -> None:
        self._items[place] = value

    def __iter__(self) -> Any:
        return iter(self.tolist())

    def is_shared(self) -> bool:
        """Return False: memory belongs to one process."""
        return False

    def __repr__(self) -> str:
        lines = "".join(f" {item}\n" for item in self.tolist())
        return f"{lines}[tapegrad.{type(self).__name__} of size {self.size()}]"


class TypedStorage(UntypedStorage):
    """The elements that a tensor and its views share, one behind the other."""

    def __init__(self, array: np.ndarray):
        super().__init__(array)
        self._items = self._flat
        self.dtype = array.dtype

    def untyped(self) -> UntypedStorage:
        """Return the same memory as bytes."""
        return UntypedStorage(self._flat)


def is_storage(obj: Any) -> bool:
    """Return whether an object is a storage."""
    return isinstance(obj, UntypedStorage)


def _untyped_storage(self: Tensor) -> UntypedStorage:
    """Return the memory that this tensor and its views share, as bytes."""
    return UntypedStorage(self._read("untyped_storage"))


def _storage(self: Tensor) -> TypedStorage:
    """Return the memory that this tensor and its views share, as elements."""
    return TypedStorage(self._read("storage"))


Tensor.untyped_storage = _untyped_storage  # type: ignore[attr-defined]
Tensor.storage = _storage  # type: ignore[attr-defined]


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """Return a vector that shares memory with an object of Python's buffer protocol.

    ``count``: how many elements (all when negative); ``offset``: how many bytes to leave out first.
    Raises ArgumentError for an empty buffer and for what lies outside it.
    Source: https://pytorch.org/docs/stable/generated/torch.frombuffer.html

    >>> import tapegrad as tg
    >>> tg.frombuffer(bytearray(b"abc"), dtype=tg.uint8)
    tensor([97, 98, 99], dtype=uint8)
    """
    kind, length = np.dtype(dtype), memoryview(buffer).nbytes
    if not length or count == 0:
        raise ArgumentError(
            "frombuffer", f"the buffer has {length} bytes, count is {count}", "give at least one element"
        )
    if not 0 <= offset < length:
        raise ArgumentError("frombuffer", f"the offset {offset} lies outside {length} bytes", "use one inside")
    wanted = count * kind.itemsize if count > 0 else length - offset
    if wanted > length - offset or wanted % kind.itemsize:
        raise ArgumentError(
            "frombuffer", f"{length - offset} bytes do not hold {count} elements of {kind.itemsize}", "make them fit"
        )
    return _ready(wrap(np.frombuffer(buffer, kind, count, offset)), None, requires_grad)


def from_file(
    filename: Any,
    shared: bool | None = None,
    size: int = 0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a vector of ``size`` elements over a file's bytes: writes go to the file when ``shared``.

    Raises FileFormatError for a file that is too short.
    Source: https://pytorch.org/docs/stable/generated/torch.from_file.html
    """
    kind = get_default_dtype() if dtype is None else np.dtype(dtype)
    try:
        mapped = np.memmap(filename, kind, "r+" if shared else "c", shape=(int(size),))
    except ValueError as error:
        raise FileFormatError(
            str(filename), f"{size} elements of {kind} do not fit ({error})", "ask for fewer"
        ) from None
    return _ready(wrap(mapped.view(np.ndarray)), device, requires_grad)
