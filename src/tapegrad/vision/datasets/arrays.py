"""Image sets that fit into memory: bytes of shape (samples, height, width[, channels]) and a label for each."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...array import get_default_dtype
from ...core import Tensor, wrap
from ...errors import DataError, IndexRangeError
from ..transforms import functional, whole_batch
from .files import data_root
from .vision import VisionDataset

__all__ = ["ImageArrays"]


def _rows(values: Any, rows: np.ndarray) -> np.ndarray:
    """Return rows of a tensor, an array or a list."""
    if isinstance(values, Tensor):
        return values.array.take(rows, axis=0)
    return (
        values.take(rows, axis=0) if isinstance(values, np.ndarray) else np.asarray([values[i] for i in rows.tolist()])
    )


def _all_of(values: Any) -> np.ndarray:
    return values.array if isinstance(values, Tensor) else np.asarray(values)


class ImageArrays(VisionDataset):
    """The base of image sets in memory.

    ``data`` is the images as uint8, ``targets`` the labels as int64 (one number each) or float32 (a row each).
    Sample i is ``(transform(image), target_transform(label))`` with a PIL image, as in torchvision; without a transform the
    image itself. Where a transform consists of crops, flips, ``ToTensor`` or ``PILToTensor`` and deterministic ones after
    that, images go from array to tensor directly, pillow is not needed, and a DataLoader transforms each batch as a whole,
    with the same result. Without any transform a
    DataLoader gives what :meth:`tensors` gives, row by row, as images cannot be stacked.
    ``files`` lists the files that were read.
    """

    classes: Sequence[str] = ()
    # The brightest value of ``data``.
    peak = 255

    def __init__(
        self,
        root: str | os.PathLike | None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.root = data_root() if root is None else pathlib.Path(root).expanduser()
        self.files: list[pathlib.Path] = []
        # Tensors, or what torchvision has in their place: arrays and lists.
        self.data: Any = wrap(np.zeros((0, 1, 1), np.uint8))
        self.targets: Any = wrap(np.zeros(0, np.int64))

    def fill(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take the images and labels over.

        Raises DataError when they are not as many, not bytes, or a label is not one of the classes.
        """
        who = type(self).__name__
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise DataError(who, f"the images are {images.dtype} of shape {images.shape}", "give the files of this set")
        if len(images) != len(labels) or labels.ndim not in (1, 2) or labels.dtype.kind not in "iu":
            raise DataError(
                who,
                f"there are {len(images):,} images and labels of {labels.dtype} of shape {labels.shape}",
                "give images and labels that belong together",
            )
        top = len(self.classes) if labels.ndim == 1 else 2
        wrong = (labels < 0) | (labels >= top)
        if wrong.any():
            place = int(np.flatnonzero(wrong.reshape(len(labels), -1).any(axis=1))[0])
            raise DataError(
                who, f"label {labels[place]} of sample {place} is outside 0 to {top - 1}", "give the files of this set"
            )
        self.data = wrap(images)
        self.targets = wrap(labels.astype(np.int64 if labels.ndim == 1 else np.float32))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        i = int(index)
        if not -len(self) <= i < len(self):
            raise IndexRangeError(type(self).__name__, f"sample {i} of {len(self):,}", "use a smaller index")
        place = np.array([i])
        return self._image(_rows(self.data, place)[0]), self._label(_rows(self.targets, place)[0])

    def _image(self, values: np.ndarray) -> Any:
        pixels = self._bytes(values)
        direct = whole_batch(self.transform)
        if direct is not None:
            return wrap(direct(pixels[None]).array[0])
        image = functional.to_pil_image(pixels)
        return image if self.transform is None else self.transform(image)

    def _label(self, label: np.ndarray) -> Any:
        plain = int(label) if label.ndim == 0 else wrap(label.copy())
        return plain if self.target_transform is None else self.target_transform(plain)

    def _bytes(self, values: np.ndarray) -> np.ndarray:
        """Return values from 0 to ``peak`` as bytes from 0 to 255."""
        return values if self.peak == 255 else np.rint(values * (255 / self.peak)).astype(np.uint8)

    def __getbatch__(self, indices: Sequence[int]) -> Any:
        if self.target_transform is not None:
            return NotImplemented
        rows = np.asarray(indices, dtype=np.intp)
        if self.transform is None:
            return [self._floats(_rows(self.data, rows)), wrap(_rows(self.targets, rows))]
        direct = whole_batch(self.transform)
        if direct is None:
            return NotImplemented
        images = direct(self._bytes(_rows(self.data, rows)))
        return images if images is NotImplemented else [images, wrap(_rows(self.targets, rows))]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all images as floats from 0 to 1, of shape (samples, channels, height, width), and all labels.

        Transforms do not apply. This is the fast way to train on a set that fits into memory:
        ``TensorDataset(*dataset.tensors())``.
        """
        return self._floats(_all_of(self.data)), wrap(_all_of(self.targets).copy())

    def _floats(self, images: np.ndarray) -> Tensor:
        dtype = get_default_dtype()
        channels_first = images[:, None] if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return wrap(np.divide(channels_first, dtype.type(self.peak), dtype=dtype))

    def extra_repr(self) -> str:
        """Return more lines for the printed form, such as the split."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}", f"Root location: {self.root}", *self.extra_repr().splitlines()]
        for title, transform in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if transform is not None:
                lines.append(f"{title}: " + repr(transform).replace("\n", "\n    " + " " * (len(title) + 2)))
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])
