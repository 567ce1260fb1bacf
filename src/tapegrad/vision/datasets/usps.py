"""USPS: digits from envelopes."""

from __future__ import annotations

import bz2
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...errors import FileFormatError
from .arrays import ImageArrays
from .files import find_or_download

__all__ = ["USPS"]


class USPS(ImageArrays):
    """Handwritten digits of 16 × 16 pixels from envelopes: 7,291 to train on, 2,007 to test.

    ``root``: the folder with ``usps.bz2`` and ``usps.t.bz2``, or the one above ``USPS``; by default :func:`data_root`; what is
    not there is looked for in TAPEGRAD_DATA. ``download``: fetch the file if it is in neither. ``data`` is an array
    (samples, 16, 16), ``targets`` a list, as in torchvision.
    Raises DataError when there is no file, FileFormatError when it is damaged.
    Source: J. Hull, "A Database for Handwritten Text Recognition Research" (1994)
    """

    split_list: Mapping[str, tuple[str, str]] = {
        "train": ("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"),
        "test": ("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"),
    }
    mirrors: Sequence[str] = ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",)
    classes: Sequence[str] = [str(i) for i in range(10)]

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
        name, md5 = self.split_list["train" if train else "test"]
        path = find_or_download("USPS", name, md5, self.mirrors, self.root, download)
        self.files = [path]
        images, labels = _read(path)
        self.fill(images, labels)
        self.data = images
        self.targets = labels.tolist()

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


def _read(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of lines such as ``7 1:-1.0 2:0.3 …`` with a digit plus one and 256 values from -1 to 1."""
    try:
        text = bz2.decompress(path.read_bytes()).decode("ascii")
        table = np.array(
            [[field.rpartition(":")[2] for field in line.split()] for line in text.splitlines()], np.float32
        )
        if table.ndim != 2 or table.shape[1] != 257:
            raise ValueError(f"a table of shape {table.shape}")
    except (ValueError, OSError, EOFError) as error:
        raise FileFormatError(str(path), f"is no file of USPS ({error})", "get it again") from None
    images = ((table[:, 1:] + 1) / 2 * 255).astype(np.uint8)
    return images.reshape(-1, 16, 16), table[:, 0].astype(np.int64) - 1
