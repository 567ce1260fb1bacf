"""MATLAB's files of version 5, as far as arrays of numbers go."""

from __future__ import annotations

import math
import os
import pathlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from ...errors import FileFormatError

__all__ = ["read_mat"]

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# The class of an array says what its numbers are, however short they are written.
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_HEADER = 128
# A file of bytes that are all the same shrinks to a thousandth at most.
_GROWTH = 1100


def read_mat(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of numbers in a file of MATLAB, version 5 to 7, by their names; others are passed over.

    Raises FileFormatError when it is damaged, of another version, or written on a machine of the other byte order.
    Source: MathWorks, "MAT-File Format" (2019)
    """
    data = pathlib.Path(path).read_bytes()
    if len(data) < _HEADER or data[124:128] != b"\x00\x01IM":
        raise FileFormatError(str(path), "is no little-endian MATLAB file of version 5", "give another file")
    try:
        return dict(_arrays(data[_HEADER:], _GROWTH * len(data)))
    except (struct.error, zlib.error, ValueError, KeyError, IndexError, StopIteration) as error:
        raise FileFormatError(str(path), f"is damaged ({error})", "get it again") from None


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the (type, content) of one element after the other."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, place)
        if kind >> 16:  # up to four bytes stand in the place of the size's second half
            kind, size, start, step = kind & 0xFFFF, kind >> 16, place + 4, 8
        else:
            start = place + 8
            step = 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)
        if start + size > len(data):
            raise ValueError(f"an element of {size:,} bytes where {len(data) - start:,} are left")
        yield kind, data[start : start + size]
        place += step


def _arrays(data: bytes, limit: int) -> Iterator[tuple[str, np.ndarray]]:
    for kind, content in _elements(data):
        if kind == _COMPRESSED:
            inflate = zlib.decompressobj()
            plain = inflate.decompress(content, limit)
            if inflate.unconsumed_tail:
                raise ValueError("an element that grows too much")
            yield from _arrays(plain, 0)
        elif kind == _MATRIX:
            parts = _elements(content)
            flags, sizes, name = (part for _, part in (next(parts), next(parts), next(parts)))
            dtype = _CLASSES.get(flags[0])
            if dtype is not None:
                stored, numbers = next(parts)
                shape = struct.unpack(f"<{len(sizes) // 4}i", sizes)
                values = np.frombuffer(numbers, f"<{_NUMBERS[stored]}", count=math.prod(shape)).astype(dtype)
                yield name.decode("latin1"), values.reshape(shape, order="F")
