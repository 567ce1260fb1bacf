"""TensorBoard event files, written by hand: framed records with checksums around Protocol Buffers messages.

A record is its length (8 bytes, little-endian), the length's masked CRC-32C, the data, and the data's masked CRC-32C.
Sources: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto (and summary.proto),
https://protobuf.dev/programming-guides/encoding/, https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import os
import pathlib
import socket
import struct
import time

import numpy as np

from .append import append_bytes

__all__ = ["EventWriter", "crc32c", "frame", "histogram", "image", "scalar", "text"]

_BINS = 30
_STRINGS = 7  # the number of the dtype of texts (tensorflow/core/framework/types.proto)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of bytes (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """Return the record that holds ``data``."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    """Return the CRC-32C, rotated and shifted, as sums of data that contains sums are weak."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


# -- Protocol Buffers: a field is its number and kind, then its value ---------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= 0xFFFFFFFFFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _float(number: int, value: float) -> bytes:
    with np.errstate(over="ignore"):
        return _varint(number << 3 | 5) + np.float32(value).astype("<f4").tobytes()


def _data(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _doubles(number: int, values: np.ndarray) -> bytes:
    return _data(number, np.asarray(values, "<f8").tobytes())


def scalar(tag: str, value: float) -> bytes:
    """Return a Summary.Value with a number."""
    return _data(1, tag.encode()) + _float(2, value)


def histogram(tag: str, values: np.ndarray) -> bytes:
    """Return a Summary.Value with the distribution of an array's finite values."""
    values = np.asarray(values, np.float64).ravel()
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, _BINS) if values.size else (np.zeros(1), np.zeros(2))
    message = _double(1, values.min(initial=np.inf) if values.size else 0.0)
    message += _double(2, values.max(initial=-np.inf) if values.size else 0.0)
    message += _double(3, values.size) + _double(4, values.sum()) + _double(5, (values * values).sum())
    message += _doubles(6, edges[1:]) + _doubles(7, counts)
    return _data(1, tag.encode()) + _data(5, message)


def image(tag: str, encoded: bytes, height: int, width: int, channels: int) -> bytes:
    """Return a Summary.Value with a picture that is encoded already, as PNG."""
    message = _integer(1, height) + _integer(2, width) + _integer(3, channels) + _data(4, encoded)
    return _data(1, tag.encode()) + _data(4, message)


def text(tag: str, words: str) -> bytes:
    """Return a Summary.Value with a text, which TensorBoard shows as Markdown."""
    plugin = _data(1, _data(1, b"text"))
    shape = _data(2, _integer(1, 1))
    tensor = _integer(1, _STRINGS) + _data(2, shape) + _data(8, words.encode())
    return _data(1, tag.encode()) + _data(8, tensor) + _data(9, plugin)


class EventWriter:
    """Writes one event file into a folder; TensorBoard shows all files of a folder as one run.

    ``purge`` tells TensorBoard to forget what earlier files hold of that step and later ones.
    """

    def __init__(self, folder: str | os.PathLike, purge: int | None = None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}"
        number = sum(1 for _ in folder.glob("events.out.tfevents.*"))
        self.path = folder / f"{stem}.{number}"
        self._write(_data(3, b"brain.Event:2"))
        if purge is not None:
            session_starts = _data(7, _integer(1, 1))
            self._write(_integer(2, purge) + session_starts)

    def add(self, step: int, *values: bytes) -> None:
        """Write summaries that belong to a step."""
        self._write(_integer(2, step) + _data(5, b"".join(_data(1, value) for value in values)))

    def _write(self, event: bytes) -> None:
        append_bytes(self.path, frame(_double(1, time.time()) + event))
