"""Reading PyTorch's files: the zip archives of today and the streams that came before version 1.6.

No name in a file is ever imported or called (see ``machine.py``, ``allowed.py``), unless the caller says
``weights_only=False``: then Python's own unpickler runs, which a hostile file can make do anything.
Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .allowed import find_allowed
from .archive import Archive
from .instructions import interpret
from .machine import CheckpointError, Global, Interpreter, plain
from .memory import Memory, element_type

__all__ = ["load_checkpoint"]

_REMEDY = "restore the file from a copy, or save it again"
_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
# Devices of PyTorch with no counterpart here: their tensors have no data in the file.
_WITHOUT_DATA = ("meta",)

Fetch = Callable[[str, str, int], Memory]


class _How(NamedTuple):
    """What the caller says about reading: whether Python's unpickler may run, and how old strings are decoded."""

    weights_only: bool
    encoding: str
    errors: str


def load_checkpoint(
    where: str, file: BinaryIO, mapped: np.ndarray | None, weights_only: bool, encoding: str, errors: str
) -> Any:
    """Return the object in a file. ``mapped``: the file's bytes where they are memory-mapped."""
    start = file.read(4)
    file.seek(0)
    how = _How(weights_only, encoding, errors)
    if start[:2] == b"PK":
        return _load_archive(where, Archive(where, file, mapped), how)
    if mapped is not None:
        raise CheckpointError(where, "is no zip archive, and only those can be mapped", "load it without mmap")
    if start[:1] != b"\x80":
        what = f"begins with {start!r}, as no file of PyTorch does" if start else "is empty"
        raise CheckpointError(where, what, "give a file that torch.save or tapegrad.save wrote")
    return _load_stream(where, file.read(), how)


# -- archives -------------------------------------------------------------------------------------------------------


def _load_archive(where: str, archive: Archive, how: _How) -> Any:
    if "constants.pkl" in archive:
        raise CheckpointError(
            where,
            "is a TorchScript archive: a program",
            "save its weights with torch.save(torch.jit.load(f).state_dict())",
        )
    if "data.pkl" not in archive:
        raise CheckpointError(where, "has no data.pkl", "give a file that torch.save or tapegrad.save wrote")
    order = archive.read("byteorder") if "byteorder" in archive else b"little"
    if order not in (b"little", b"big"):
        raise CheckpointError(where, f"has the byte order {plain(order)}", _REMEDY)
    memories: dict[str, Memory] = {}

    def fetch(key: str, kind: str, count: int) -> Memory:
        if key not in memories:
            size = count * element_type(kind).itemsize
            if archive.length(f"data/{key}") != size:
                found = archive.length(f"data/{key}")
                raise CheckpointError(f"storage {plain(key)}", f"wants {size:,} bytes, and has {found:,}", _REMEDY)
            memories[key] = _memory(key, kind, archive.array(f"data/{key}"), order.decode())
        return memories[key]

    return _run(where, archive.read("data.pkl"), fetch, how)[0]


def _memory(key: str, kind: str, raw: np.ndarray, order: str) -> Memory:
    """Return bytes as elements in this machine's order; what does not begin between elements is copied."""
    array = np.require(raw.view(element_type(kind)), requirements="A")
    if order != sys.byteorder and array.itemsize > 1:
        array = array.byteswap()
    return Memory(key, kind, array)


def _run(where: str, data: bytes, fetch: Fetch, how: _How, position: int = 0) -> tuple[Any, int]:
    """Return the object of the pickle at a position, and the position after it."""

    def persistent(key: Any) -> Memory:
        return _find_memory(key, fetch)

    if how.weights_only:
        machine = Interpreter(data, where, find_allowed, persistent, how.encoding, how.errors, position)
        return interpret(machine), machine.position
    stream = io.BytesIO(data)
    stream.seek(position)
    found = _Unpickler(stream, encoding=how.encoding, errors=how.errors)
    found.persistent_load = persistent
    return found.load(), stream.tell()


def _find_memory(key: Any, fetch: Fetch) -> Memory:
    """Return the storage that a persistent id names: ("storage", type, key, device, count)."""
    fine = type(key) is tuple and 5 <= len(key) <= 6 and key[0] in ("storage", b"storage")
    if not fine or type(key[1]) is not Global or not isinstance(key[1].value, str):
        raise CheckpointError("persistent id", f"is {plain(key)}", "save tensors of numbers or booleans, not quantized")
    _, kind, name, device, count, *view = key
    name = name.decode("ascii", "replace") if type(name) is bytes else name
    if type(name) is not str or type(count) is not int or not 0 <= count < 1 << 60 or view not in ([], [None]):
        raise CheckpointError("persistent id", f"is {plain(key)}", _REMEDY)
    if device in _WITHOUT_DATA:
        raise CheckpointError(f"storage {plain(name)}", "is on the meta device, without data", "save real tensors")
    memory = fetch(name, kind.value, count)
    if (memory.kind, memory.array.size) != (kind.value, count):
        had = f"{memory.array.size:,} of {memory.kind}"
        raise CheckpointError(memory.label, f"of {had} is read as {count:,} of {kind.value}", _REMEDY)
    return memory


class _Unpickler(pickle.Unpickler):
    """Python's own machine, with PyTorch's names mapped to what they are here; all others are imported."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] != "torch":
            return super().find_class(module, name)
        found = find_allowed(f"{module}.{name}")
        if found is None:
            raise CheckpointError("load", f"the file holds a {module}.{name}", "save the state_dict() of the module")
        return found


# -- the streams before version 1.6 ---------------------------------------------------------------------------------


def _load_stream(where: str, data: bytes, how: _How) -> Any:
    """Read pickles one after another (a magic number, a version, the machine, the object, the keys), then raw data."""
    numbers, position = [], 0
    plain_how = how._replace(weights_only=True)
    for _ in range(3):
        value, position = _run(where, data, _no_storage, plain_how, position)
        numbers.append(value)
        if len(numbers) == 1 and numbers != [_MAGIC]:
            raise CheckpointError(
                where,
                "is a pickle, and not one of PyTorch's",
                "if you trust its origin, read it with Python's pickle.load",
            )
    _, version, machine = numbers
    if version != _LEGACY_PROTOCOL or not isinstance(machine, dict):
        raise CheckpointError(where, f"has the format version {plain(version)}", "save it again with a newer PyTorch")
    order = "little" if machine.get("little_endian", True) is True else "big"
    claims: dict[str, Memory] = {}
    left = [len(data)]

    def claim(key: str, kind: str, count: int) -> Memory:
        """Stand in for a storage, whose data comes after the pickle; pages that nobody touches take no memory."""
        if key not in claims:
            left[0] -= count * element_type(kind).itemsize
            if left[0] < 0:
                raise CheckpointError(f"storage {plain(key)}", "claims more bytes than the file has", _REMEDY)
            claims[key] = Memory(key, kind, np.zeros(count, element_type(kind)))
        return claims[key]

    begin = position
    _, position = _run(where, data, claim, how, begin)
    keys, position = _run(where, data, _no_storage, plain_how, position)
    if type(keys) is not list or not all(type(key) is str for key in keys) or sorted(keys) != sorted(claims):
        raise CheckpointError(where, "lists other storages than its tensors use", _REMEDY)
    memories = _read_storages(where, data, position, keys, claims, order)

    return _run(where, data, lambda key, kind, count: memories[key], how, begin)[0]


def _no_storage(key: str, kind: str, count: int) -> Memory:
    raise CheckpointError("persistent id", f"names the storage {plain(key)} where there is none", _REMEDY)


def _read_storages(
    where: str, data: bytes, position: int, keys: list[str], claims: dict[str, Memory], order: str
) -> dict[str, Memory]:
    """Read, for each key in the order of the list, the number of elements (8 bytes) and the elements."""
    memories = {}
    for key in keys:
        kind = claims[key].kind
        item = element_type(kind).itemsize
        count = int.from_bytes(data[position : position + 8], order)  # type: ignore[arg-type]
        begin, position = position + 8, position + 8 + count * item
        if position > len(data) or count != claims[key].array.size:
            raise CheckpointError(f"{where} (byte {begin - 8:,})", f"storage {plain(key)} is truncated", _REMEDY)
        raw = np.frombuffer(bytearray(memoryview(data)[begin:position]), np.uint8)
        memories[key] = _memory(key, kind, raw, order)
    return memories
