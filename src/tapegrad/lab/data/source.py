"""What a loader hands over: samples as they are in their files, before they are split, checked and scaled."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from ...errors import DataError
from ...vision.datasets import data_root
from .sets import Task

__all__ = ["Place", "Samples", "Source", "digest_of_files", "sha256_of"]


@dataclasses.dataclass(eq=False)
class Samples:
    """Inputs as they were, labels (classes as int64, or values as float64 of shape (samples, outputs)), positions."""

    inputs: np.ndarray
    labels: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    @staticmethod
    def whole(inputs: np.ndarray, labels: np.ndarray) -> Samples:
        """Return samples that are numbered as they come."""
        return Samples(inputs, labels, np.arange(len(inputs)))

    def take(self, rows: np.ndarray) -> Samples:
        """Return the samples at these positions."""
        return Samples(self.inputs[rows], self.labels[rows], self.index[rows])


@dataclasses.dataclass(eq=False)
class Source:
    """A data set as its files have it.

    ``kind``: ``images`` (bytes from 0 to ``peak``, channels last) or ``columns`` (floats, one row a sample). ``valid`` is given only where the set is published with one. ``joined``: training
    and test samples come from one file, so that positions count through both. ``split_off``: the validation samples were
    training samples. ``may_lack``: NaN among the inputs is a missing value.
    """

    task: Task
    train: Samples
    test: Samples | None
    classes: list[str] | None
    valid: Samples | None = None
    kind: Literal["images", "columns"] = "images"
    peak: int = 255
    invert: bool = False
    joined: bool = False
    split_off: bool = False
    may_lack: bool = False
    columns: list[str] | None = None
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Place:
    """Where a loader looks for files, and the experiment's seed.

    ``root``: the folder of data sets. ``folder``: the folder of the recipe, which relative paths begin at; after it come
    the working folder and the root.
    """

    root: pathlib.Path
    seed: int = 0
    folder: pathlib.Path | None = None

    @staticmethod
    def of(root: str | None, seed: int = 0, folder: str | os.PathLike | None = None) -> Place:
        """Return the place of a configuration; ``root`` None means TAPEGRAD_DATA, or ``data``."""
        base = None if folder is None else pathlib.Path(folder)
        if root is None:
            return Place(data_root(), seed, base)
        near = base / os.path.expanduser(root) if base is not None else None
        return Place(near if near is not None and near.is_dir() else pathlib.Path(os.path.expanduser(root)), seed, base)

    def find(self, who: str, path: str) -> pathlib.Path:
        """Return a file or folder that a recipe names. Raises DataError, with where it was looked for."""
        wanted = pathlib.Path(os.path.expanduser(path))
        bases = [base for base in (self.folder, pathlib.Path(), self.root) if base is not None]
        tried = [wanted] if wanted.is_absolute() else [base / wanted for base in bases]
        for candidate in tried:
            if candidate.exists():
                return candidate
        looked = " or ".join(dict.fromkeys(str(candidate.absolute()) for candidate in tried))
        raise DataError(who, f"there is no {looked}", "check the path; a relative one begins at the recipe's folder")

    def digests(self, paths: Iterable[str | os.PathLike]) -> dict[str, str]:
        """Return the SHA-256 of files, under their paths below the root where they lie there."""
        return {self._name(pathlib.Path(path)): sha256_of(path) for path in paths}

    def digest_of_folder(self, folder: pathlib.Path, files: Iterable[pathlib.Path]) -> dict[str, str]:
        """Return one SHA-256 for many files of a folder."""
        names = {path.relative_to(folder).as_posix(): path for path in files}
        name = f"{self._name(folder)} ({len(names):,} files)"
        return {name: digest_of_files((name, sha256_of(names[name])) for name in sorted(names))}

    def _name(self, path: pathlib.Path) -> str:
        path, root = path.absolute(), self.root.absolute()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def sha256_of(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_files(digests: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of a list of (name, SHA-256), in the form that ``sha256sum`` prints, in the order given."""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests).encode()).hexdigest()
