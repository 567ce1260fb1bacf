"""``tapegrad.save`` and ``tapegrad.load``: objects in PyTorch's files, tensors in safetensors and NumPy archives."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, BinaryIO

import numpy as np

from ..array import Device
from ..core import wrap
from ..errors import UsageError
from .atomic import atomic_file
from .checkpoint import load_checkpoint
from .checkpoint_writer import save_checkpoint
from .machine import CheckpointError
from .npz import load_npz, save_npz
from .safetensors import load_file, save_file
from .sharded import load_sharded

__all__ = ["load", "save"]

Place = str | os.PathLike | IO[bytes]


def save(
    obj: Any,
    f: Place,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object to a file (a path or a binary file object), so that ``torch.load`` opens it as well.

    Tensors, parameters, numbers, text, ``None``, and the dictionaries, lists, tuples and sets of them (each
    ``state_dict()``) make files that PyTorch reads with ``weights_only=True``. Tensors that share memory do so again
    after loading. Other objects, modules as a whole too, are pickled, and are read with ``weights_only=False`` alone.

    The ending of a path chooses other formats: ``.safetensors`` and ``.npz`` take a mapping of names to tensors. A path
    is written whole or not at all: after a crash or on a full disk, the file that was there before is there still.

    Raises DTypeError for tensors that PyTorch has no dtype for, ``pickle.PicklingError`` for what cannot be pickled,
    UsageError for another ``pickle_module`` or the format before version 1.6, OSError when writing fails.
    Source: https://pytorch.org/docs/stable/generated/torch.save.html

    >>> import tapegrad as tg, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "state.pt")
    >>> tg.save({"weight": tg.ones(2), "epoch": 3}, path)
    >>> tg.load(path)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    _check_pickle_module("save", pickle_module)
    if not _use_new_zipfile_serialization:
        raise UsageError("save", "the format before version 1.6 is read only", "leave the argument out")
    ending = _ending(f)
    if ending == ".safetensors":
        save_file(_mapping(obj, ending), f)  # type: ignore[arg-type]
    elif ending == ".npz":
        save_npz(_mapping(obj, ending), f)  # type: ignore[arg-type]
    else:
        with _writable(f) as file:
            save_checkpoint(obj, file, pickle_protocol, _root(f), not _disable_byteorder_record)


def load(
    f: Place,
    map_location: str | Device | Mapping[str, str] | Callable | None = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Return the object in a file that ``save`` or ``torch.save`` wrote (also before version 1.6).

    Nothing that a file names is imported or called: tensors, containers, numbers, text and NumPy's arrays are read, and
    every other name is refused. ``weights_only=False`` runs Python's unpickler instead, **which lets the file run any
    code**: use it only on files that you wrote yourself.

    All tensors come to the CPU, wherever they were; ``map_location`` is checked and needs nothing else.
    bfloat16 is read as float32, which holds it exactly. ``mmap``: read from the disk what is used when it is used; the
    tensors can be written to, which changes memory alone and never the file; checksums of tensors are not verified.
    ``encoding`` and ``errors`` say how strings of Python 2 are decoded.

    A path may also name a ``.safetensors`` or ``.npz`` file, or the ``.index.json`` of safetensors in several files.

    Raises FileFormatError, which is also a ``pickle.UnpicklingError`` and a RuntimeError as PyTorch's errors are, for a
    file that is damaged, of another kind, or asks for what is refused; OSError when it cannot be opened.
    Source: https://pytorch.org/docs/stable/generated/torch.load.html

    >>> import io, pickle, tapegrad as tg
    >>> class Surprise:
    ...     def __reduce__(self):
    ...         return print, ("executed",)
    >>> file = io.BytesIO()
    >>> tg.save([Surprise()], file)
    >>> _ = file.seek(0)
    >>> tg.load(file)
    Traceback (most recent call last):
    tapegrad.formats.machine.CheckpointError: <file> (pickle, byte 24): asks for __builtin__.print, which a file of \
weights does not need; if you trust its origin, load it with weights_only=False, which runs what it names
    """
    _check_pickle_module("load", pickle_module)
    _check_location(map_location)
    unknown = set(pickle_load_args) - {"encoding", "errors", "fix_imports"}
    if unknown:
        raise UsageError("load", f"got the argument {min(unknown)!r}", "use encoding and errors, or none")
    ending = _ending(f)
    if ending == ".safetensors":
        return load_file(f, mmap=bool(mmap))  # type: ignore[arg-type]
    if ending == ".npz":
        return {name: wrap(array) for name, array in load_npz(f).items()}  # type: ignore[arg-type]
    if ending == ".json":
        return load_sharded(f, mmap=bool(mmap))  # type: ignore[arg-type]
    encoding, errors = pickle_load_args.get("encoding", "utf-8"), pickle_load_args.get("errors", "strict")
    with _readable(f) as file:
        mapped = _map(f) if mmap else None
        return load_checkpoint(_name(f), file, mapped, weights_only is not False, encoding, errors)


def _check_pickle_module(who: str, module: Any) -> None:
    if module is not None and module is not pickle:
        name = getattr(module, "__name__", module)
        raise UsageError(who, f"pickle_module={name} is not used here", "leave the argument out")


def _check_location(location: Any) -> None:
    """Hold that a place for tensors could be meant; all are the CPU."""
    if location is None or isinstance(location, Mapping) or callable(location):
        return
    if isinstance(location, str):
        location = Device(location)
    if not isinstance(location, Device):
        raise UsageError("load", f"map_location is a {type(location).__name__}", "use 'cpu', or leave it out")


def _ending(f: Place) -> str:
    return os.path.splitext(os.fspath(f))[1].lower() if isinstance(f, (str, os.PathLike)) else ""


def _name(f: Place) -> str:
    return os.fspath(f) if isinstance(f, (str, os.PathLike)) else str(getattr(f, "name", "<file>"))


def _root(f: Place) -> str:
    """Return the name of the folder inside the archive: PyTorch's is the file's name without its ending."""
    if not isinstance(f, (str, os.PathLike)):
        return "archive"
    return os.path.splitext(os.path.basename(os.fspath(f)))[0] or "archive"


def _mapping(obj: Any, ending: str) -> Mapping[str, Any]:
    if isinstance(obj, Mapping):
        return obj
    raise UsageError(
        "save", f"a {ending} file holds tensors by name, got a {type(obj).__name__}", "give module.state_dict()"
    )


@contextlib.contextmanager
def _writable(f: Place) -> Iterator[BinaryIO]:
    if not isinstance(f, (str, os.PathLike)):
        if not hasattr(f, "write"):
            raise UsageError("save", f"cannot write to a {type(f).__name__}", "give a path or a binary file object")
        yield f  # type: ignore[misc]
    elif os.path.exists(f) and not os.path.isfile(f) and not os.path.isdir(f):  # a device or a pipe
        with open(f, "wb") as file:
            yield file
    else:
        with atomic_file(f) as file:
            yield file


@contextlib.contextmanager
def _readable(f: Place) -> Iterator[BinaryIO]:
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file
    elif hasattr(f, "read"):
        data = f.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise UsageError("load", "the file is open for text", "open it in binary mode, 'rb'")
        yield io.BytesIO(data)
    else:
        raise UsageError("load", f"cannot read from a {type(f).__name__}", "give a path or a binary file object")


def _map(f: Place) -> np.ndarray:
    if not isinstance(f, (str, os.PathLike)):
        raise UsageError("load", "mmap=True wants a path", "give the path of the file")
    if not os.path.getsize(f):
        raise CheckpointError(_name(f), "is empty", "give a file that torch.save or tapegrad.save wrote")
    return np.asarray(np.memmap(f, np.uint8, "c"))
