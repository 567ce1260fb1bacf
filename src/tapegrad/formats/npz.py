"""Reading NumPy archives (.npz) without NumPy's own loader: no pickle, and sizes checked before memory is taken.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from ..core import Tensor, as_array
from ..errors import FileFormatError, UsageError
from .atomic import atomic_file

__all__ = ["load_npz", "save_npz"]

_MAGIC = b"\x93NUMPY"
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c(8|16)|[SU]\d{1,6})")
_HEADER_LIMIT = 1 << 16
# No deflated stream is more than 1,032 times smaller than what it holds.
_DEFLATE_LIMIT = 1033
_REMEDY = "restore the file or download it again"


def load_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file by name.

    Only plain numbers, booleans and text are read; arrays of Python objects, which need a pickle, are refused.
    Raises FileFormatError, naming the file and the array, for every kind of damage; OSError when it cannot be opened.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, x=np.arange(3))
    >>> load_npz(path)
    {'x': array([0, 1, 2])}
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        try:
            return _read_archive(path, file)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:
            if isinstance(error, FileFormatError):
                raise
            raise FileFormatError(path, f"is a damaged archive ({' '.join(str(error).split())})", _REMEDY) from None


def save_npz(tensors: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Write tensors or arrays by name as an ``.npz`` file, whole or not at all.

    Raises UsageError for names that are not text and values that are not numbers; OSError when writing fails.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.npz")
    >>> save_npz({"x": np.arange(3)}, path)
    >>> load_npz(path)
    {'x': array([0, 1, 2])}
    """
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, (Tensor, np.ndarray, np.generic)):
            raise UsageError("save_npz", f"{name!r} is a {type(value).__name__}", "give tensors, each with a name")
        if not _DTYPE.fullmatch(as_array(value).dtype.str):
            raise UsageError(
                "save_npz", f"{name!r} has dtype {as_array(value).dtype}", "give numbers, booleans or text"
            )
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, value in tensors.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, as_array(value), allow_pickle=False)


def _read_archive(path: str, file: IO[bytes]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename:
                raise FileFormatError(
                    path, f"holds {member.filename!r}, which is no array", "give a file from numpy.savez"
                )
            if name in arrays:
                raise FileFormatError(path, f"holds the array {name!r} twice", _REMEDY)
            if member.file_size > member.compress_size * _DEFLATE_LIMIT:
                raise FileFormatError(
                    path, f"claims {member.file_size:,} bytes for {name!r} from {member.compress_size:,}", _REMEDY
                )
            with archive.open(member) as stream:
                arrays[name] = _read_array(f"{path}[{name}]", stream, member.file_size)
    return arrays


def _read_array(who: str, stream: IO[bytes], size: int) -> np.ndarray:
    dtype, shape, fortran, start = _read_header(who, stream)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != size - start:
        raise FileFormatError(
            who, f"shape {shape} of {dtype} takes {wanted:,} bytes, the file has {size - start:,}", _REMEDY
        )
    data = stream.read(wanted + 1)
    if len(data) != wanted:
        raise FileFormatError(who, f"ends after {len(data):,} of {wanted:,} bytes", _REMEDY)
    array = np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(who: str, stream: IO[bytes]) -> tuple[np.dtype, tuple[int, ...], bool, int]:
    """Return dtype, shape, whether columns come first, and where the data begins."""
    start = stream.read(8)
    version = start[6:7]
    if start[:6] != _MAGIC or version not in (b"\x01", b"\x02", b"\x03"):
        raise FileFormatError(who, f"does not begin as an array does (found {start!r})", _REMEDY)
    length = "<H" if version == b"\x01" else "<I"
    field = stream.read(struct.calcsize(length))
    if len(field) != struct.calcsize(length):
        raise FileFormatError(who, "ends inside its header", _REMEDY)
    (count,) = struct.unpack(length, field)
    text = stream.read(count) if count <= _HEADER_LIMIT else b""
    if len(text) != count:
        raise FileFormatError(who, f"has a header of {count:,} bytes, more than the file or the limit allows", _REMEDY)
    return *_parse_header(who, text), len(start) + len(field) + count


def _parse_header(who: str, text: bytes) -> tuple[np.dtype, tuple[int, ...], bool]:
    try:
        header = ast.literal_eval(text.decode("utf-8").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise FileFormatError(who, f"has an unreadable header ({text[:40]!r})", _REMEDY) from None
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise FileFormatError(who, f"has a header without dtype, order and shape ({text[:40]!r})", _REMEDY)
    dtype, shape = header["descr"], header["shape"]
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise FileFormatError(who, f"has elements of type {dtype!r}", "store numbers, booleans or text")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        raise FileFormatError(who, f"has the shape {shape!r}", _REMEDY)
    if math.prod(n for n in shape if n) * np.dtype(dtype).itemsize > np.iinfo(np.intp).max:
        raise FileFormatError(who, f"has the shape {shape}, more than memory can address", _REMEDY)
    return np.dtype(dtype), shape, header["fortran_order"] is True
