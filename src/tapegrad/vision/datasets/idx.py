"""Reading idx files, the form in which MNIST and its relatives are published.

A file is two zero bytes, a byte for the type of its numbers, a byte for how many dimensions, each dimension's size (4 bytes,
big-endian), and the numbers. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from typing import IO, Any

import numpy as np

from ...errors import FileFormatError

__all__ = ["read_idx"]

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# No deflated stream is more than 1,032 times smaller than what it holds.
_DEFLATE_LIMIT = 1033
# zlib's name for the gzip format. Pieces that stay in the cache are unpacked fastest; a piece bounds what damage may unfold to.
_GZIP = 31
_CHUNK = 1 << 14
_PIECE = 1 << 20
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
            return _read(path, _Unpacked(file), min(size * _DEFLATE_LIMIT, max_bytes), "it can hold at most")
        except (EOFError, zlib.error) as error:
            raise FileFormatError(path, f"is damaged inside its compression ({error})", _REMEDY) from None


class _Unpacked:
    """What a gzip file unfolds to. GzipFile takes a third longer: it sums up in a second pass, and copies more."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._member = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        data = bytearray(size)
        return bytes(data[: _fill(self, memoryview(data))])

    def readinto(self, memory: memoryview) -> int:
        """Fill the memory as far as bytes are at hand, and return how many those were: 0 at the end."""
        if not self._ready:
            self._ready = memoryview(self._next())
        taken = self._ready[: len(memory)]
        memory[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)

    def _next(self) -> bytes:
        """Return the next piece; raise EOFError when the file ends within a member, zlib.error when it is damaged."""
        while packed := self._packed or self._file.read(_CHUNK):
            if self._member.eof:
                # Zeros may fill a block, and another member may follow.
                self._packed = packed.lstrip(b"\0")
                if self._packed:
                    self._member = zlib.decompressobj(_GZIP)
                continue
            piece = self._member.decompress(packed, _PIECE)
            self._packed = self._member.unconsumed_tail or self._member.unused_data
            if piece:
                return piece
        if not self._member.eof:
            raise EOFError("it ends in its middle")
        return b""


def _read(path: str, stream: Any, available: int, bound: str) -> np.ndarray:
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
    numbers = np.empty(shape, dtype)
    found = _fill(stream, numbers.reshape(-1).view(np.uint8).data)
    if found < wanted:
        raise FileFormatError(
            path, f"ends after {found:,} of the {wanted:,} bytes of {_product(shape)} numbers", _REMEDY
        )
    if stream.read(1):
        raise FileFormatError(path, f"goes on after the {wanted:,} bytes of {_product(shape)} numbers", _REMEDY)
    return numbers.astype(dtype.newbyteorder("="), copy=False)


def _fill(stream: Any, memory: memoryview) -> int:
    """Read until the memory is full or the stream ends, with no copy in between; return how many bytes came."""
    place = 0
    while count := stream.readinto(memory[place:]):
        place += count
    return place


def _header(path: str, stream: Any) -> tuple[np.dtype, tuple[int, ...]]:
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
