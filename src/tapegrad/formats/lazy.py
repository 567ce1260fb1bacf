"""Safetensors files of which single tensors, or parts of them, are read."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..array import Device, available
from ..core import Size, Tensor, wrap
from ..errors import ArgumentError, NamingError
from .safetensors import Entry, map_array, map_data, read_header

__all__ = ["TensorSlice", "safe_open"]


class safe_open:  # noqa: N801  the safetensors package calls it so
    """A safetensors file that is opened without reading its tensors, with the methods of the package of that name.

    ``get_tensor`` returns a tensor whose bytes come from the disk when they are used; writing to it changes memory
    alone, never the file. Tensors stay valid after the file is closed. ``framework`` and ``device`` are accepted as
    "pt" (or "np", "numpy", "tapegrad") and "cpu".

    Raises FileFormatError for a file that is damaged or of another kind, NamingError (a KeyError) for a name that it
    does not have. Source: https://huggingface.co/docs/safetensors/api/torch

    >>> import tapegrad as tg, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> tg.save({"weight": tg.arange(6).reshape(3, 2)}, path)
    >>> with safe_open(path, framework="pt") as file:
    ...     file.keys(), file.get_slice("weight")[1:]
    (['weight'], tensor([[2, 3],
            [4, 5]]))
    """

    def __init__(self, filename: str | os.PathLike, framework: str = "pt", device: str | Device = "cpu"):
        if framework not in ("pt", "torch", "pytorch", "np", "numpy", "tapegrad"):
            raise ArgumentError("safe_open", f"framework={framework!r} is not known", "use 'pt'")
        available(device)
        self._path = os.fspath(filename)
        self._arrays = framework in ("np", "numpy")
        with open(self._path, "rb") as file:
            entries, self._metadata = read_header(self._path, file)
            self._entries = {entry.name: entry for entry in entries}
            self._mapped = map_data(self._path, file.tell()) if entries else np.empty(0, np.uint8)

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing has to be closed: the memory goes with the last tensor that sees it."""

    def keys(self) -> list[str]:
        """Return the names of the tensors, in the order of their data."""
        return list(self._entries)

    def offset_keys(self) -> list[str]:
        """Return the names in the order of their data, as ``keys`` does."""
        return list(self._entries)

    def metadata(self) -> dict[str, str]:
        """Return the text that was stored with the tensors."""
        return dict(self._metadata)

    def get_tensor(self, name: str) -> Tensor | np.ndarray:
        """Return one tensor."""
        array = map_array(self._path, self._mapped, self._entry(name))
        return array if self._arrays else wrap(array)

    def get_slice(self, name: str) -> TensorSlice:
        """Return what ``[...]`` reads a part of."""
        return TensorSlice(self, self._entry(name))

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            raise NamingError(self._path, f"has no tensor {name!r}", "see keys()")
        return self._entries[name]


class TensorSlice:
    """A tensor of a file of which parts are read by indexing."""

    def __init__(self, file: safe_open, entry: Entry):
        self._file = file
        self._entry = entry

    def get_shape(self) -> list[int]:
        """Return the shape of the whole tensor."""
        return list(self._entry.shape)

    def get_dtype(self) -> str:
        """Return the dtype under its name in the file, such as "F32"."""
        return self._entry.dtype

    def __getitem__(self, index: Any) -> Any:
        """Return a part as a tensor of its own."""
        part = self._file.get_tensor(self._entry.name)
        array = np.array((part.array if isinstance(part, Tensor) else part)[index])
        return wrap(array) if isinstance(part, Tensor) else array

    @property
    def shape(self) -> Size:
        """The shape of the whole tensor."""
        return Size(self._entry.shape)
