"""The zip files that PyTorch writes: entries stored as they are, their data beginning at multiples of 64 bytes.

Reading is strict: no compressed entry is read (so nothing is larger than the file), no encryption, no entries that overlap
or that the two headers describe differently. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np

from .machine import CheckpointError, plain

__all__ = ["ALIGNMENT", "Archive", "write_archive"]

ALIGNMENT = 64
_REMEDY = "restore the file from a copy, or save it again"
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_UTF8 = 0x800
_ENCRYPTED = 0x1
_BIG = 0xFFFFFFFF
_FIRST_DAY = (1 << 5) | 1  # 1 January 1980: the same tensors make the same file


class _Entry(NamedTuple):
    start: int
    size: int
    crc: int
    compressed: bool


class Archive:
    """The entries of a zip file under its one folder. ``mapped``: the file's bytes, where they are memory-mapped."""

    def __init__(self, where: str, file: BinaryIO, mapped: np.ndarray | None = None):
        self.where = where
        self.file = file
        self.mapped = mapped
        self.size = file.seek(0, os.SEEK_END)
        self.entries = self._list()

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def read(self, name: str) -> bytes:
        """Return the content of an entry. Raises CheckpointError when its checksum is wrong."""
        entry = self._entry(name)
        self.file.seek(entry.start)
        data = self.file.read(entry.size)
        self._verify(name, entry, data)
        return data

    def array(self, name: str) -> np.ndarray:
        """Return the content of an entry as bytes that can be written to; mapped memory is not checked."""
        entry = self._entry(name)
        if self.mapped is not None:
            return self.mapped[entry.start : entry.start + entry.size]
        data = np.empty(entry.size, np.uint8)
        self.file.seek(entry.start)
        if self.file.readinto(data.data) != entry.size:  # type: ignore[attr-defined]
            self._fail(f"ended while {plain(name)} was read")
        self._verify(name, entry, data.data)
        return data

    def length(self, name: str) -> int:
        """Return the bytes of an entry."""
        return self._entry(name).size

    def _entry(self, name: str) -> _Entry:
        if name not in self.entries:
            self._fail(f"has no entry {plain(name)}")
        entry = self.entries[name]
        if entry.compressed:
            self._fail(f"{plain(name)} is compressed", "save it again; PyTorch stores entries as they are (zip -0)")
        return entry

    def _verify(self, name: str, entry: _Entry, data: Any) -> None:
        # PyTorch writes a zero when it is told to leave checksums out.
        if len(data) != entry.size or (entry.crc and zlib.crc32(data) != entry.crc):
            self._fail(f"the checksum of {plain(name)} is wrong")

    def _fail(self, what: str, fix: str = _REMEDY) -> NoReturn:
        raise CheckpointError(self.where, what, fix)

    def _list(self) -> dict[str, _Entry]:
        try:
            with zipfile.ZipFile(self.file) as archive:
                members, end = archive.infolist(), archive.start_dir  # type: ignore[attr-defined]
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OverflowError, OSError) as error:
            self._fail(f"is a damaged archive ({plain(' '.join(str(error).split()))})")
        entries: dict[str, _Entry] = {}
        roots, last = set(), 0
        for member in sorted(members, key=lambda m: m.header_offset):
            entry = self._place(member)
            if member.header_offset < last or entry.start + entry.size > end:
                self._fail(f"{plain(member.filename)} overlaps something else")
            last = entry.start + entry.size
            root, _, name = member.filename.partition("/")
            roots.add(root)
            if name in entries:
                self._fail(f"has {plain(name)} twice")
            if name:
                entries[name] = entry
        if len(roots) > 1:
            self._fail("has more than one folder", "give a file that torch.save or tapegrad.save wrote")
        return entries

    def _place(self, member: zipfile.ZipInfo) -> _Entry:
        """Return where the data of an entry is, held against both of its headers."""
        name = plain(member.filename)
        stored = member.compress_type == zipfile.ZIP_STORED
        if member.flag_bits & _ENCRYPTED or (stored and member.file_size != member.compress_size):
            self._fail(f"{name} is encrypted or of two sizes")
        if not 0 <= member.header_offset <= self.size - _LOCAL.size:
            self._fail(f"{name} lies outside the file")
        self.file.seek(member.header_offset)
        signature, _, _, method, _, _, _, _, _, count, extra = _LOCAL.unpack(self.file.read(_LOCAL.size))
        found = self.file.read(count)
        if (
            signature != b"PK\x03\x04"
            or method != member.compress_type
            or found not in _spellings(member.orig_filename)
        ):
            self._fail(f"{name} has headers that contradict each other")
        start = member.header_offset + _LOCAL.size + count + extra
        return _Entry(start, member.compress_size, member.CRC, not stored)


def _spellings(name: str) -> tuple[bytes, ...]:
    return tuple(name.encode(code, "replace") for code in ("utf-8", "cp437"))


# -- writing --------------------------------------------------------------------------------------------------------


def write_archive(file: BinaryIO, root: str, entries: Iterable[tuple[str, Any]]) -> None:
    """Write entries (names, and bytes or flat arrays of them) as a zip file under one folder."""
    position, central = 0, []
    for name, data in entries:
        spelled, size, crc = f"{root}/{name}".encode(), len(data), zlib.crc32(data)
        large = struct.pack("<2H2Q", 1, 16, size, size) if size >= _BIG else b""
        extra = large + _padding(position + _LOCAL.size + len(spelled) + len(large))
        shown = min(size, _BIG)
        version = 45 if large else 20
        header = _LOCAL.pack(
            b"PK\x03\x04", version, _UTF8, 0, 0, _FIRST_DAY, crc, shown, shown, len(spelled), len(extra)
        )
        for part in (header, spelled, extra, data):
            file.write(part)
        central.append(_central(spelled, size, crc, position))
        position += len(header) + len(spelled) + len(extra) + size
    directory = b"".join(central)
    file.write(directory)
    file.write(_end(len(central), len(directory), position))


def _padding(start: int) -> bytes:
    """Return an extra field after which the data begins at a multiple of 64 bytes."""
    count = -(start + 4) % ALIGNMENT
    return struct.pack("<2s2H", b"FB", count, 0)[:4] + b"Z" * count


def _central(name: bytes, size: int, crc: int, position: int) -> bytes:
    large = [n for n in (size, size, position) if n >= _BIG]
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = 45 if large else 20
    shown = min(size, _BIG)
    return (
        _CENTRAL.pack(
            b"PK\x01\x02", version, version, _UTF8, 0, 0, _FIRST_DAY, crc, shown, shown, len(name), len(extra), 0, 0, 0,
            0, min(position, _BIG),
        )
        + name
        + extra
    )  # fmt: skip


def _end(count: int, size: int, position: int) -> bytes:
    """Return what closes the archive: with the long form before it where the short one's fields are too narrow."""
    long = b""
    if count >= 0xFFFF or size >= _BIG or position >= _BIG:
        long = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, position)
        long += _LOCATOR.pack(b"PK\x06\x07", 0, position + size, 1)
    shown = min(count, 0xFFFF)
    return long + _END.pack(b"PK\x05\x06", 0, 0, shown, shown, min(size, _BIG), min(position, _BIG), 0)
