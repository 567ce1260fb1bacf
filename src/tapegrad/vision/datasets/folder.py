"""Images in folders, one folder per class."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import DataError, FileFormatError, UsageError
from ..transforms.base import pillow
from .vision import VisionDataset

__all__ = ["IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "default_loader"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def default_loader(path: str) -> Any:
    """Return the image in a file in RGB. Raises FileFormatError, naming it, when it is damaged or no image."""
    image = pillow("ImageFolder")
    with open(path, "rb") as file:
        try:
            return image.open(file).convert("RGB")
        except Exception as error:  # what decoders raise on damaged files is not documented, and is much
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = (
                "unknown format"
                if isinstance(error, image.UnidentifiedImageError)
                else str(error) or type(error).__name__
            )
            raise FileFormatError(path, f"is no image that can be read ({reason})", "remove or replace it") from None


def _numbers_first(name: str) -> list:
    """Return a key that sorts 2 before 10, and numbers before words."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


class DatasetFolder(VisionDataset):
    """Files in folders, one folder per class: sample i is ``(transform(loader(path)), target_transform(class))``.

    ``loader``: reads a path. ``extensions``: the endings that count, or ``is_valid_file(path)``. Classes are numbered in the
    order of their names; with ``numeric`` in the order of the numbers in them, so that class ``2`` comes before class
    ``10``, and files likewise. ``samples`` lists (path, class), ``targets`` the classes.
    Raises DataError when there are no class folders, or one without files (unless ``allow_empty``).
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.DatasetFolder.html
    """

    def __init__(
        self,
        root: str | os.PathLike,
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        numeric: bool = False,
    ):
        if (extensions is None) == (is_valid_file is None):
            raise UsageError(
                "DatasetFolder", "extensions and is_valid_file are both given or both missing", "give one of them"
            )
        super().__init__(os.fspath(root), transform=transform, target_transform=target_transform)
        self.loader = loader
        self.extensions = None if extensions is None else tuple(e.lower() for e in extensions)
        self._key: Callable = _numbers_first if numeric else str
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self._find_samples(is_valid_file or self._has_extension, allow_empty)
        self.targets = [label for _, label in self.samples]

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """The samples, under torchvision's older name."""
        return self.samples

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """Return the names of the classes and their numbers. Override it to number them in another way."""
        if not os.path.isdir(directory):
            raise DataError(type(self).__name__, f"there is no folder {os.path.abspath(directory)}", "check the path")
        names = sorted((entry.name for entry in os.scandir(directory) if entry.is_dir()), key=self._key)
        if not names:
            raise DataError(
                type(self).__name__,
                f"{os.path.abspath(directory)} has no folders in it",
                "give the folder above the classes",
            )
        return names, {name: i for i, name in enumerate(names)}

    def _has_extension(self, path: str) -> bool:
        return path.lower().endswith(self.extensions or ())

    def _find_samples(self, valid: Callable[[str], bool], allow_empty: bool) -> list[tuple[str, int]]:
        samples: list[tuple[str, int]] = []
        empty = []
        for name in sorted(self.class_to_idx, key=self._key):
            before = len(samples)
            for folder, _, files in sorted(os.walk(os.path.join(self.root, name), followlinks=True)):
                paths = (os.path.join(folder, file) for file in sorted(files, key=self._key))
                samples += [(path, self.class_to_idx[name]) for path in paths if valid(path)]
            empty += [name] if len(samples) == before else []
        if empty and not allow_empty:
            kinds = " or ".join(self.extensions or ("the right kind",))
            raise DataError(
                type(self).__name__,
                f"no file of {kinds} in class {', '.join(empty)} of {self.root}",
                "add some, or allow_empty=True",
            )
        return samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        sample = self.loader(path)
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, label if self.target_transform is None else self.target_transform(label)

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}", f"Root location: {self.root}"]
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])


class ImageFolder(DatasetFolder):
    """Images (BMP, PNG, JPEG and others that pillow reads) in folders, one folder per class. See :class:`DatasetFolder`.

    Sample i is ``(transform(image), class)`` with the image in RGB, unless another ``loader`` is given.
    Raises MissingExtraError without pillow, FileFormatError when a damaged image is read.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
    """

    def __init__(
        self,
        root: str | os.PathLike,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        numeric: bool = False,
    ):
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty, numeric)
