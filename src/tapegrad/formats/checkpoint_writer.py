"""Writing files that ``torch.load(weights_only=True)`` opens: PyTorch's names are written, and PyTorch is not needed.

The pickle is Python's own (protocol 2), with tensors described as PyTorch describes its. Tensors that share memory are
written as views of one storage; of a large array only the part that saved tensors see is written.
"""

from __future__ import annotations

import collections
import pickle
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..array import Device
from ..core import Parameter, Size, Tensor
from ..errors import DTypeError
from ..missing_dtypes import MissingDType
from .archive import ALIGNMENT, write_archive
from .memory import STORAGES

__all__ = ["save_checkpoint"]

_CLASSES = {kind: name for name, kind in STORAGES.items()}
# The pickler in Python, whose parts can be replaced; the one in C has the same methods, closed.
_Pickler: Any = pickle._Pickler  # type: ignore[attr-defined]
# These have no class of storage: PyTorch writes their bytes, and the dtype beside them.
_UNTYPED = ("uint16", "uint32", "uint64")


def save_checkpoint(
    obj: Any, file: BinaryIO, protocol: int = 2, root: str = "archive", byte_order: bool = True
) -> None:
    """Write an object; ``root`` names the folder inside the archive, ``byte_order`` says whether that is recorded."""
    writer = _Writer(protocol)
    writer.dump(obj)
    entries: list[tuple[str, Any]] = [
        ("data.pkl", writer.stream()),
        (".format_version", b"1"),
        (".storage_alignment", str(ALIGNMENT).encode()),
        *([("byteorder", b"little")] if byte_order else []),
        *((f"data/{i}", data) for i, data in enumerate(writer.data())),
        ("version", b"3\n"),
    ]
    names = "".join(name for name, _ in entries).encode()
    sums = [zlib.crc32(data) for _, data in entries]
    identity = f"{zlib.crc32(names):020d}{zlib.crc32(repr(sums).encode()):020d}".encode()
    write_archive(file, root, [*entries, (".data/serialization_id", identity)])


class _Sighting:
    """The bytes of ``flat`` from ``first`` to ``last`` that one tensor sees; its region is known once all are."""

    __slots__ = ("first", "flat", "item", "last", "region")

    def __init__(self, flat: np.ndarray, first: int, last: int, item: int):
        self.flat = flat
        self.first = first
        self.last = last
        self.item = item
        self.region: _Region


class _Region:
    """A piece of memory that becomes a storage: what sightings that overlap see together."""

    __slots__ = ("first", "flat", "key", "last")

    def __init__(self, start: _Sighting):
        self.flat = start.flat
        self.first = start.first
        self.last = start.last
        self.key = -1


class _Global:
    """A name to be written as it stands, whether or not it can be imported."""

    def __init__(self, module: str, name: str):
        self.module = module
        self.name = name

    def __call__(self) -> None:
        """Nothing: pickle only asks that what rebuilds an object could be called."""


class _Call(NamedTuple):
    function: _Global
    args: tuple


class _Storage(NamedTuple):
    sighting: _Sighting
    name: _Global


class _Offset(NamedTuple):
    sighting: _Sighting


class _Writer(_Pickler):
    """Python's pickler; the stream is kept in chunks, as what names a storage is known when all tensors were seen."""

    def __init__(self, protocol: int):
        self.chunks: list[bytes | Callable[[], bytes]] = []
        # Protocol 4 packs the stream into frames of counted bytes, for which chunks would have to be known.
        super().__init__(_Sink(self.chunks), min(max(protocol, 2), 3))
        self.globals: dict[tuple[str, str], _Global] = {}
        self.sightings: dict[tuple[int, str, int], list[_Sighting]] = collections.defaultdict(list)
        self.order: list[_Sighting] = []
        self.regions: list[_Region] = []
        self.in_array = False

    def stream(self) -> bytes:
        """Return the pickle, once all has been dumped."""
        for group in self.sightings.values():
            _merge(group)
        for sighting in self.order:
            if sighting.region.key < 0:
                sighting.region.key = len(self.regions)
                self.regions.append(sighting.region)
        return b"".join(chunk if isinstance(chunk, (bytes, memoryview)) else chunk() for chunk in self.chunks)

    def data(self) -> list[memoryview]:
        """Return the bytes of each storage."""
        return [region.flat[region.first : region.last].data for region in self.regions]

    # -- objects ----------------------------------------------------------------------------------------------------

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """Write one object, tapegrad's own under PyTorch's names."""
        special = _SPECIAL.get(type(obj))
        if special is not None and id(obj) not in self.memo:
            special(self, obj)
        elif isinstance(obj, np.dtype) and not self.in_array and obj.name in (*_CLASSES, *_UNTYPED):
            self._save_name(self._name("torch", obj.name))
        else:
            outer, self.in_array = self.in_array, self.in_array or isinstance(obj, (np.ndarray, np.generic))
            super().save(obj, save_persistent_id)
            self.in_array = outer

    def _name(self, module: str, name: str) -> _Global:
        return self.globals.setdefault((module, name), _Global(module, name))

    def _save_name(self, name: _Global) -> None:
        if id(name) in self.memo:
            self.write(self.get(self.memo[id(name)][0]))
        else:
            self.write(f"c{name.module}\n{name.name}\n".encode())
            self.memoize(name)

    def _save_call(self, call: _Call) -> None:
        self.save_reduce(call.function, call.args)

    def _save_size(self, size: Size) -> None:
        self.save_reduce(self._name("torch", "Size"), (tuple(size),), obj=size)

    def _save_device(self, device: Device) -> None:
        args = (device.type,) if device.index is None else (device.type, device.index)
        self.save_reduce(self._name("torch", "device"), args, obj=device)

    def _save_missing_dtype(self, dtype: MissingDType) -> None:
        self._save_name(self._name("torch", dtype.name))

    def _save_tensor(self, tensor: Tensor) -> None:
        function, args = self._rebuild(tensor, tensor.requires_grad)
        if tensor.__dict__:
            args = (function, self._name("torch", "Tensor"), args, dict(tensor.__dict__))
            function = self._name("torch._tensor", "_rebuild_from_type_v2")
        self.save_reduce(function, args, obj=tensor)

    def _save_parameter(self, parameter: Parameter) -> None:
        args: tuple = (_Call(*self._rebuild(parameter, False)), parameter.requires_grad, collections.OrderedDict())
        function = self._name("torch._utils", "_rebuild_parameter")
        if parameter.__dict__:
            args = (*args, dict(parameter.__dict__))
            function = self._name("torch._utils", "_rebuild_parameter_with_state")
        self.save_reduce(function, args, obj=parameter)

    # -- memory -----------------------------------------------------------------------------------------------------

    def _rebuild(self, tensor: Tensor, requires_grad: bool) -> tuple[_Global, tuple]:
        """Return the function that makes a tensor, and its arguments."""
        array = tensor.array
        kind = array.dtype.name
        if kind not in _CLASSES and kind not in _UNTYPED:
            raise DTypeError("save", f"PyTorch has no tensors of dtype {kind}", "convert it, e.g. with .float()")
        sighting, strides = self._see(array)
        storage = (
            self._name("torch.storage", "UntypedStorage") if kind in _UNTYPED else self._name("torch", _CLASSES[kind])
        )
        place = (_Storage(sighting, storage), _Offset(sighting), tuple(array.shape), strides)
        args = (*place, requires_grad, collections.OrderedDict())
        if kind in _UNTYPED:
            return self._name("torch._utils", "_rebuild_tensor_v3"), (*args, array.dtype)
        return self._name("torch._utils", "_rebuild_tensor_v2"), args

    def _see(self, array: np.ndarray) -> tuple[_Sighting, tuple[int, ...]]:
        """Return where a tensor's elements are in memory, and its strides in elements."""
        flat = _memory_of(array)
        if flat is None:
            array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
            flat = array.reshape(-1).view(np.uint8)
        first = _address(array) - _address(flat) if array.size else 0
        reach = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) + array.itemsize
        sighting = _Sighting(flat, first, first + reach if array.size else first, array.itemsize)
        self.order.append(sighting)
        place = _address(flat) if array.size else -len(self.order)
        self.sightings[place, array.dtype.name, first % array.itemsize].append(sighting)
        return sighting, tuple(s // array.itemsize for s in array.strides)

    def _save_storage(self, storage: _Storage) -> None:
        sighting = storage.sighting
        item = 1 if storage.name.name == "UntypedStorage" else sighting.item
        self.write(pickle.MARK)
        self.save("storage")
        self._save_name(storage.name)
        self.chunks.append(lambda: _text(str(sighting.region.key)))
        self.save("cpu")
        self.chunks.append(lambda: _integer((sighting.region.last - sighting.region.first) // item))
        self.write(pickle.TUPLE + pickle.BINPERSID)

    def _save_offset(self, offset: _Offset) -> None:
        sighting = offset.sighting
        self.chunks.append(lambda: _integer((sighting.first - sighting.region.first) // sighting.item))


_SPECIAL: dict[type, Callable[[_Writer, Any], None]] = {
    _Global: _Writer._save_name, _Call: _Writer._save_call, _Storage: _Writer._save_storage,
    _Offset: _Writer._save_offset, Tensor: _Writer._save_tensor, Parameter: _Writer._save_parameter,
    Size: _Writer._save_size, Device: _Writer._save_device, MissingDType: _Writer._save_missing_dtype,
}  # fmt: skip


class _Sink:
    """What the pickler takes for a file."""

    def __init__(self, chunks: list):
        self.write = chunks.append


def _merge(group: list[_Sighting]) -> None:
    """Give sightings that overlap one region."""
    region = None
    for sighting in sorted(group, key=lambda s: (s.first, s.last)):
        if region is None or sighting.first >= region.last:
            region = _Region(sighting)
        region.last = max(region.last, sighting.last)
        sighting.region = region


def _memory_of(array: np.ndarray) -> np.ndarray | None:
    """Return the bytes that an array and its views share, or None where PyTorch could not see them as it does."""
    item = array.itemsize
    if any(s < 0 or s % item for s in array.strides) or array.dtype != array.dtype.newbyteorder("<"):
        return None
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not (root.flags.c_contiguous or root.flags.f_contiguous):
        return None
    root = root if root.flags.c_contiguous else root.T
    return np.asarray(root).reshape(-1).view(np.uint8)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _text(text: str) -> bytes:
    return pickle.BINUNICODE + len(text).to_bytes(4, "little") + text.encode()


def _integer(value: int) -> bytes:
    if value < 1 << 8:
        return pickle.BININT1 + value.to_bytes(1, "little")
    if value < 1 << 31:
        return pickle.BININT + value.to_bytes(4, "little")
    long = pickle.encode_long(value)  # type: ignore[attr-defined]
    return pickle.LONG1 + len(long).to_bytes(1, "little") + long
