"""Tensors in a file: the safetensors format, read strictly and written whole.

A file is the length of a header (8 bytes, little-endian), the header (JSON: dtype, shape and place of each tensor),
and the raw data. Reading it runs no code. Source: https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..core import Tensor, as_array, wrap
from ..errors import DTypeError, FileFormatError, UsageError
from .atomic import atomic_file

__all__ = ["Entry", "load_file", "map_array", "map_data", "read_array", "read_header", "read_metadata", "save_file"]

HEADER_LIMIT = 100_000_000
_DTYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8", "BF16": "<u2",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}
_REMEDY = "restore the file from a copy, or save it again"


class Entry(NamedTuple):
    """Where one tensor is: the dtype's name, the shape, and the first and last byte counted from the data's start."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def save_file(
    tensors: Mapping[str, Any],
    path: str | os.PathLike,
    metadata: Mapping[str, str] | None = None,
    *,
    previous: str | os.PathLike | None = None,
) -> None:
    """Write tensors (or arrays) by name, and text by name as ``metadata``; a failure leaves the old file as it was.

    ``previous``: the name that the old file gets. The new one is whole by then.
    Raises UsageError for names or metadata that are not text, DTypeError for a dtype that the format has no name for,
    OSError when writing fails.

    >>> import tapegrad as tg, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> save_file({"weight": tg.ones(2)}, path, metadata={"epoch": "3"})
    >>> load_file(path), read_metadata(path)
    ({'weight': tensor([1., 1.])}, {'epoch': '3'})
    """
    arrays = {name: _plain(name, value) for name, value in tensors.items()}
    # The widest elements first, so that each tensor begins at a multiple of its element's size.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": _checked_metadata(metadata)} if metadata else {}
    end = 0
    for name in order:
        array = arrays[name]
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise UsageError(
            "save_file", f"names and metadata take {len(text):,} bytes", f"keep them under {HEADER_LIMIT:,}"
        )
    with atomic_file(path, previous) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(arrays[name].reshape(-1).view(np.uint8).data)


def _plain(name: Any, value: Any) -> np.ndarray:
    """Return the value as a contiguous little-endian array."""
    if not isinstance(name, str) or name == "__metadata__":
        raise UsageError("save_file", f"{name!r} cannot name a tensor", "use another name, as text")
    if not isinstance(value, (Tensor, np.ndarray, np.generic)):
        raise UsageError("save_file", f"{name!r} is a {type(value).__name__}", "give tensors, and text as metadata")
    array = as_array(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    if array.dtype not in _NAMES:
        raise DTypeError("save_file", f"{name!r} has dtype {array.dtype}", "convert it, e.g. with .float()")
    return array


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise UsageError(
                "save_file", f"metadata {key!r}: {value!r} is not text", "use str(value) or json.dumps(value)"
            )
    return dict(metadata)


def load_file(path: str | os.PathLike, *, mmap: bool = False) -> dict[str, Tensor]:
    """Return the tensors of a file by name, in the order of their data. BF16 is read as float32, which holds it exactly.

    ``mmap``: read from the disk what is used when it is used. The tensors can be written to, which changes memory alone
    and never the file. Raises FileFormatError for a file that is truncated, damaged or of another kind, or holds a dtype that NumPy does not
    have; OSError when it cannot be opened.
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        entries, _ = read_header(path, file)
        start = file.tell()
        mapped = map_data(path, start) if mmap and entries else None
        if mapped is not None:
            return {entry.name: wrap(map_array(path, mapped, entry)) for entry in entries}
        return {entry.name: wrap(read_array(path, file, entry)) for entry in entries}


def read_metadata(path: str | os.PathLike) -> dict[str, str]:
    """Return the text that was stored with the tensors, without reading them. Raises as :func:`load_file`."""
    path = os.fspath(path)
    with open(path, "rb") as file:
        return read_header(path, file)[1]


def map_data(path: str, start: int) -> np.ndarray:
    """Return the bytes of a file from ``start`` on as memory that is read when it is used, and copied when written to."""
    return np.asarray(np.memmap(path, np.uint8, "c"))[start:]


def map_array(path: str, mapped: np.ndarray, entry: Entry) -> np.ndarray:
    """Return one tensor as a part of mapped memory, or a copy where its elements cannot be used as they lie there."""
    array = mapped[entry.begin : entry.end].view(_DTYPES[entry.dtype])
    return _finish(path, np.require(array, requirements="A"), entry)


def read_array(path: str, file: BinaryIO, entry: Entry) -> np.ndarray:
    """Return one tensor; the file is at its first byte."""
    array = np.empty(math.prod(entry.shape), _DTYPES[entry.dtype])
    if file.readinto(array.view(np.uint8).data) != array.nbytes:  # type: ignore[attr-defined]
        raise FileFormatError(path, f"ended while {_short(entry.name)} was read", _REMEDY)
    return _finish(path, array, entry)


def _finish(path: str, array: np.ndarray, entry: Entry) -> np.ndarray:
    if entry.dtype == "BOOL" and array.view(np.uint8).max(initial=0) > 1:
        raise FileFormatError(path, f"{_short(entry.name)} holds booleans other than 0 and 1", _REMEDY)
    if entry.dtype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False).reshape(entry.shape)


# -- the header -----------------------------------------------------------------------------------------------------


def read_header(path: str, file: BinaryIO) -> tuple[list[Entry], dict[str, str]]:
    """Return where the tensors are, in order, and the metadata; the file is left at the first byte of data."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    if len(start) != 8:
        raise FileFormatError(path, f"has {size} bytes, too few for a safetensors file", _REMEDY)
    (count,) = struct.unpack("<Q", start)
    if count > HEADER_LIMIT or count > size - 8:
        raise FileFormatError(
            path,
            f"has {size:,} bytes and claims a header of {count:,}",
            "give a safetensors file, or restore it from a copy",
        )
    header = _parse(path, file.read(count))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FileFormatError(path, "has metadata that is not text by name", _REMEDY)
    entries = sorted((_entry(path, name, value) for name, value in header.items()), key=lambda e: (e.begin, e.end))
    _check_places(path, entries, size - 8 - count)
    return entries, metadata


def _parse(path: str, text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise FileFormatError(path, f"has {_short(name)} twice in its header", _REMEDY)
            found[name] = value
        return found

    def refuse(constant: str) -> None:
        raise FileFormatError(path, f"has {constant} in its header", _REMEDY)

    if not text.startswith(b"{"):
        raise FileFormatError(path, f"is no safetensors file (its header begins with {text[:8]!r})", _REMEDY)
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"has a header that is not JSON ({error})", _REMEDY) from None


def _entry(path: str, name: str, value: Any) -> Entry:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(path, f"{_short(name)} lacks a dtype, a shape or a place, or has more", _REMEDY)
    dtype, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise FileFormatError(path, f"{_short(name)} has dtype {dtype!r}", "save it as one of " + ", ".join(_DTYPES))
    if not _counts(shape) or len(shape) > 32:
        raise FileFormatError(path, f"{_short(name)} has the shape {_short(shape)}", _REMEDY)
    if not _counts(place) or len(place) != 2:
        raise FileFormatError(path, f"{_short(name)} has the place {_short(place)}", _REMEDY)
    itemsize = np.dtype(_DTYPES[dtype]).itemsize
    if math.prod(n for n in shape if n) * itemsize > np.iinfo(np.intp).max:
        raise FileFormatError(
            path, f"{_short(name)} has the shape {_short(shape)}, more than memory can address", _REMEDY
        )
    if place[1] - place[0] != math.prod(shape) * itemsize:
        raise FileFormatError(
            path,
            f"{_short(name)} of shape {shape} and dtype {dtype} does not fill bytes {place[0]:,} to {place[1]:,}",
            _REMEDY,
        )
    return Entry(name, dtype, tuple(shape), *place)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of many thousand digits
        return "of numbers too long to print"
    return text if len(text) <= 60 else text[:57] + "..."


def _check_places(path: str, entries: list[Entry], size: int) -> None:
    """Hold that the tensors fill the data without holes or overlaps."""
    end = 0
    for entry in entries:
        if entry.begin != end:
            what = (
                "overlaps what is before it"
                if entry.begin < end
                else f"leaves {entry.begin - end:,} bytes unused before it"
            )
            raise FileFormatError(
                path, f"{_short(entry.name)} {what} (bytes {entry.begin:,} to {entry.end:,})", _REMEDY
            )
        end = entry.end
    if end != size:
        what = "is truncated" if size < end else "has bytes after its last tensor"
        raise FileFormatError(path, f"{what}: the header places {end:,} bytes of data, the file has {size:,}", _REMEDY)
