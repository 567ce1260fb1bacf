"""Tensors in several safetensors files with an index that says which is where, as Hugging Face's libraries write them.

Format: https://huggingface.co/docs/transformers/big_models
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import Tensor, as_array
from ..errors import ArgumentError, FileFormatError, UsageError
from .atomic import write_atomically
from .safetensors import load_file, save_file

__all__ = ["load_sharded", "save_sharded"]

_INDEX = "model.safetensors.index.json"
_INDEX_LIMIT = 100_000_000
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}  # fmt: skip
_REMEDY = "restore the file from a copy, or save it again"


def save_sharded(
    tensors: Mapping[str, Any],
    folder: str | os.PathLike,
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
    name: str = "model",
) -> list[str]:
    """Write tensors by name into as many files as keep each under a size, and return the files' names.

    One file is called ``model.safetensors``; several ``model-00001-of-00003.safetensors`` and so on, and the index
    ``model.safetensors.index.json``. The index is written last: a folder that was half written has none. A tensor larger
    than the limit gets a file of its own. ``max_shard_size``: bytes, or text such as ``"500MB"`` or ``"2GiB"``.

    Raises ArgumentError for a size that is none, and what :func:`save_file` raises.

    >>> import tapegrad as tg, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> save_sharded({"a": tg.zeros(4), "b": tg.zeros(4)}, folder, max_shard_size=20)
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.safetensors.index.json']
    >>> load_sharded(folder)
    {'a': tensor([0., 0., 0., 0.]), 'b': tensor([0., 0., 0., 0.])}
    """
    folder = os.fspath(folder)
    for key, value in tensors.items():
        if not isinstance(value, (Tensor, np.ndarray, np.generic)):
            raise UsageError("save_sharded", f"{key!r} is a {type(value).__name__}", "give tensors by name")
    shards = _split(tensors, _bytes(max_shard_size))
    index = f"{name}.safetensors.index.json"
    # Without its index the old set is seen to be incomplete; with it, old and new files could be mixed unseen.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, index))
    if len(shards) == 1:
        files = [f"{name}.safetensors"]
    else:
        files = [f"{name}-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
    for file, shard in zip(files, shards, strict=True):
        save_file({key: tensors[key] for key in shard}, os.path.join(folder, file), metadata)
    _remove_others(folder, name, files)
    if len(shards) == 1:
        return files
    places = {key: file for file, shard in zip(files, shards, strict=True) for key in shard}
    total = sum(as_array(value).nbytes for value in tensors.values())
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(os.path.join(folder, index), text.encode())
    return [*files, index]


def _split(tensors: Mapping[str, Any], limit: int) -> list[list[str]]:
    """Return the names for each file, in order."""
    shards: list[list[str]] = [[]]
    filled = 0
    for key, value in tensors.items():
        size = as_array(value).nbytes
        if shards[-1] and filled + size > limit:
            shards.append([])
            filled = 0
        shards[-1].append(key)
        filled += size
    return shards


def _bytes(size: int | str) -> int:
    match = re.fullmatch(r"\s*(\d{1,15})\s*([A-Za-z]*)\s*", str(size))
    if not match or match[2].upper() not in _UNITS or not int(match[1]):
        raise ArgumentError("save_sharded", f"max_shard_size={size!r} is no size", 'use bytes, or text such as "500MB"')
    return int(match[1]) * _UNITS[match[2].upper()]


def _remove_others(folder: str, name: str, files: list[str]) -> None:
    """Remove the files of an earlier set, which nothing refers to any more."""
    pattern = re.compile(re.escape(name) + r"(-\d{5}-of-\d{5})?\.safetensors")
    for other in os.listdir(folder):
        if pattern.fullmatch(other) and other not in files:
            os.unlink(os.path.join(folder, other))


def load_sharded(path: str | os.PathLike, *, mmap: bool = False) -> dict[str, Tensor]:
    """Return the tensors of all files of an index, in its order; ``path`` names the index or its folder.

    The index names files in its own folder only. ``mmap`` is that of :func:`load_file`.
    Raises FileFormatError for an index that is damaged or does not fit its files; OSError when one cannot be opened.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        single = os.path.join(path, "model.safetensors")
        if os.path.exists(single) and not os.path.exists(os.path.join(path, _INDEX)):
            return load_file(single, mmap=mmap)
        path = os.path.join(path, _INDEX)
    places = _read_index(path)
    found: dict[str, Tensor] = {}
    for file in dict.fromkeys(places.values()):
        shard = os.path.join(os.path.dirname(path), file)
        if not os.path.exists(shard):
            raise FileFormatError(path, f"names the file {file!r}, which is not there", "download or save it again")
        tensors = load_file(shard, mmap=mmap)
        wanted = {key for key, place in places.items() if place == file}
        if wanted != set(tensors):
            odd = min(wanted ^ set(tensors))
            where = "lacks" if odd in wanted else "does not name"
            raise FileFormatError(shard if odd in wanted else path, f"{where} {odd[:60]!r}", _REMEDY)
        found.update(tensors)
    return {key: found[key] for key in places}


def _read_index(path: str) -> dict[str, str]:
    with open(path, "rb") as file:
        text = file.read(_INDEX_LIMIT + 1)
    if len(text) > _INDEX_LIMIT:
        raise FileFormatError(path, f"is longer than {_INDEX_LIMIT:,} bytes", _REMEDY)
    try:
        index = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(path, f"is not JSON ({str(error)[:100]})", _REMEDY) from None
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places:
        raise FileFormatError(path, "has no weight_map", "give the index of safetensors files")
    for key, file in places.items():
        if not isinstance(file, str) or not re.fullmatch(r"[\w.\-]+\.safetensors", file):
            shown = ascii(file)[:80]
            raise FileFormatError(path, f"places {key[:60]!r} in {shown}", "name .safetensors files beside the index")
    return places
