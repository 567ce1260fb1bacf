"""CIFAR-10 and CIFAR-100: small pictures in colour."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import DataError, FileFormatError
from .arrays import ImageArrays
from .files import download_file, roots

__all__ = ["CIFAR10", "CIFAR100"]

_TRUNCATED = "delete it, and get it again"


class CIFAR10(ImageArrays):
    """60,000 pictures of 32 × 32 pixels in ten classes: 50,000 to train on, 10,000 to test.

    ``root``: the folder above ``cifar-10-batches-py``, or with ``cifar-10-python.tar.gz`` in it, which is read as it is; by
    default :func:`data_root`; what is not there is looked for in TAPEGRAD_DATA. ``download``: fetch the archive if it is in
    neither. ``data`` is an array (samples, 32, 32, 3), ``targets`` a list, as in torchvision.
    Raises DataError when there is no file, FileFormatError when one is damaged or asks for more than arrays: the files are
    pickles, which are read without running them. See :class:`ImageArrays` for samples, batches and :meth:`tensors`.
    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
    https://www.cs.toronto.edu/~kriz/cifar.html
    """

    base_folder = "cifar-10-batches-py"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    mirrors: Sequence[str] = ("https://www.cs.toronto.edu/~kriz/",)
    train_list: Sequence[str] = [f"data_batch_{i}" for i in range(1, 6)]
    test_list: Sequence[str] = ["test_batch"]
    meta: Mapping[str, str] = {"filename": "batches.meta", "key": "label_names"}
    labels_key = "labels"

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform, target_transform)
        self.train = train
        names = self.train_list if train else self.test_list
        files = self._files([self.meta["filename"], *names], download)
        described, *batches = (_read_batch(name, data) for name, data in files.items())
        self.classes = _entry(described, self.meta["key"], self.meta["filename"])
        images = [_entry(batch, "data", name) for name, batch in zip(names, batches, strict=True)]
        labels = [_entry(batch, self.labels_key, name) for name, batch in zip(names, batches, strict=True)]
        if any(not isinstance(i, np.ndarray) or i.ndim != 2 or i.shape[1] != 3072 for i in images):
            raise FileFormatError(self.base_folder, "has images that are not 3 × 32 × 32 bytes", _TRUNCATED)
        pixels = np.concatenate(images).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        numbers = np.asarray([label for part in labels for label in part], dtype=np.int64)
        self.fill(np.ascontiguousarray(pixels), numbers)
        # As torchvision has them: scripts compute with the one and loop over the other.
        self.data = self.data.array
        self.targets = numbers.tolist()

    def _files(self, names: Sequence[str], download: bool) -> dict[str, bytes]:
        """Return the contents of files: of the folder, or of the archive."""
        folders = roots(self.root)
        for folder in (place for root in folders for place in (root / self.base_folder, root)):
            if all((folder / name).is_file() for name in names):
                self.files = [folder / name for name in names]
                return {name: (folder / name).read_bytes() for name in names}
        archive = next((root / self.filename for root in folders if (root / self.filename).is_file()), None)
        if archive is None and download:
            archive = download_file(type(self).__name__, self.filename, self.tgz_md5, self.mirrors, self.root)
        if archive is None:
            raise DataError(
                type(self).__name__,
                f"there is neither {self.base_folder} nor {self.filename} in {self.root.absolute()}",
                "put one there, name another root (or set TAPEGRAD_DATA), or pass download=True",
            )
        self.files = [archive]
        return _unpacked(archive, [f"{self.base_folder}/{name}" for name in names])

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """60,000 pictures of 32 × 32 pixels in a hundred classes. Arguments and errors as in :class:`CIFAR10`.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
    https://www.cs.toronto.edu/~kriz/cifar.html
    """

    base_folder = "cifar-100-python"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: Sequence[str] = ["train"]
    test_list: Sequence[str] = ["test"]
    meta: Mapping[str, str] = {"filename": "meta", "key": "fine_label_names"}
    labels_key = "fine_labels"


def _unpacked(archive: pathlib.Path, members: Sequence[str]) -> dict[str, bytes]:
    import tarfile

    contents = {}
    try:
        with tarfile.open(archive) as tar:
            for member in members:
                file = tar.extractfile(member)
                if file is None:
                    raise FileFormatError(str(archive), f"has no file {member}", _TRUNCATED)
                contents[member.rsplit("/", 1)[1]] = file.read()
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise FileFormatError(str(archive), f"cannot be unpacked ({error})", _TRUNCATED) from None
    return contents


def _entry(batch: Any, key: str, name: str) -> Any:
    if not isinstance(batch, dict) or key not in batch:
        raise FileFormatError(name, f"has no '{key}'", "give the files of this set")
    return batch[key]


def _read_batch(name: str, data: bytes) -> Any:
    """Return what a pickle of Python 2 holds: arrays, numbers and text, and nothing else."""
    from ...formats.instructions import interpret
    from ...formats.machine import Interpreter

    def no_storage(key: Any) -> Any:
        raise FileFormatError(name, "refers to a storage", "give the files of this set")

    return interpret(Interpreter(data, name, _find_array, no_storage, encoding="latin1"))


def _find_array(name: str) -> Any:
    from ...formats.allowed import find_allowed
    from ...formats.machine import Global, Spend

    known = find_allowed(name)
    if not isinstance(known, Global) or not known.label.endswith("_reconstruct"):
        return known
    update = known.update

    def filled(array: np.ndarray, state: Any, spend: Spend) -> None:
        # Python 2 wrote bytes as text.
        if type(state) is tuple and state and type(state[-1]) is str:
            state = (*state[:-1], state[-1].encode("latin1", "replace"))
        assert update is not None
        update(array, state, spend)

    return Global(known.label, known.build, update=filled)
