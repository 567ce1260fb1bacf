"""Reading idx files, the form in which MNIST and its relatives are published.

A file is two zero bytes, a byte for the type of its numbers, a byte for how many dimensions, each dimension's size (4 bytes,
big-endian), and the numbers. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import IO

import numpy as np

from ...errors import FileFormatError

__all__ = ["read_idx"]

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# No deflated stream is more than 1,032 times smaller than what it holds.
_DEFLATE_LIMIT = 1033
_REMEDY = "delete it and download it again, or restore it from a copy"


def read_idx(path: str | os.PathLike, max_bytes: int = 1 << 31) -> np.ndarray:
    """Return the array of an idx file, compressed with gzip or not (its first bytes tell, not its name).

    The sizes in the header are checked against the file before any memory is taken; ``max_bytes`` bounds what a compressed
    file may unfold to. Raises FileFormatError for a file that is truncated, damaged, empty, too long or of another kind,
    OSError when it cannot be opened.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    >>> read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            return _read(path, file, size, "the file has")
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read(path, stream, min(size * _DEFLATE_LIMIT, max_bytes), "it can hold at most")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileFormatError(path, f"is damaged inside its compression ({error})", _REMEDY) from None


def _read(path: str, stream: IO[bytes] | gzip.GzipFile, available: int, bound: str) -> np.ndarray:
    """Read header and numbers; ``available`` bytes are all that there can be."""
    dtype, shape = _header(path, stream)
    start = 4 + 4 * len(shape)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > available - start:
        raise FileFormatError(
            path,
            f"claims {_product(shape)} numbers of {dtype.itemsize} bytes, {bound} {max(available - start, 0):,} bytes",
            _REMEDY,
        )
    data = stream.read(wanted + 1)
    if len(data) < wanted:
        raise FileFormatError(
            path, f"ends after {len(data):,} of the {wanted:,} bytes of {_product(shape)} numbers", _REMEDY
        )
    if len(data) > wanted:
        raise FileFormatError(path, f"goes on after the {wanted:,} bytes of {_product(shape)} numbers", _REMEDY)
    return np.frombuffer(bytearray(data), dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _header(path: str, stream: IO[bytes] | gzip.GzipFile) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise FileFormatError(
            path, f"is no idx file: it begins with {magic.hex(' ') or 'nothing'}", "give an idx file, or its .gz"
        )
    dimensions = magic[3]
    if not 1 <= dimensions <= 8:
        raise FileFormatError(path, f"claims {dimensions} dimensions", _REMEDY)
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise FileFormatError(path, f"ends inside its header of {dimensions} sizes", _REMEDY)
    shape = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise FileFormatError(path, f"holds nothing: its sizes are {_product(shape)}", _REMEDY)
    return np.dtype(_DTYPES[magic[2]]), shape


def _product(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{n:,}" for n in shape)
