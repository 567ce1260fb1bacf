"""SVHN: house numbers in photographs of streets."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, FileFormatError, did_you_mean
from .arrays import ImageArrays
from .files import find_or_download
from .mat import read_mat

__all__ = ["SVHN"]


class SVHN(ImageArrays):
    """Digits of 32 × 32 pixels from house numbers: 73,257 to train on, 26,032 to test, 531,131 extra ones.

    ``split``: train, test or extra. ``root``: the folder with ``train_32x32.mat`` or the other, or the one above ``SVHN``; by
    default :func:`data_root`; what is not there is looked for in TAPEGRAD_DATA. ``download``: fetch the file if it is in
    neither. ``data`` is an array (samples, 3, 32, 32), ``labels`` an array of the digits, as in torchvision.
    Raises ArgumentError for other splits, DataError when there is no file, FileFormatError when it is damaged.
    Source: Y. Netzer et al., "Reading Digits in Natural Images" (2011), http://ufldl.stanford.edu/housenumbers
    """

    split_list: Mapping[str, tuple[str, str]] = {
        "train": ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
        "test": ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
        "extra": ("extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7"),
    }
    mirrors: Sequence[str] = ("http://ufldl.stanford.edu/housenumbers/",)
    classes: Sequence[str] = [str(i) for i in range(10)]

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform, target_transform)
        if split not in self.split_list:
            raise ArgumentError("SVHN", f"there is no split '{split}'", did_you_mean(str(split), self.split_list))
        self.split = split
        name, md5 = self.split_list[split]
        path = find_or_download("SVHN", name, md5, self.mirrors, self.root, download)
        self.files = [path]
        arrays = read_mat(path)
        if set(arrays) < {"X", "y"} or arrays["X"].ndim != 4 or arrays["X"].shape[2] != 3:
            raise FileFormatError(str(path), "has no images X and labels y", "give SVHN's file")
        # The file has a 10 for the digit 0.
        labels = arrays["y"].reshape(-1).astype(np.int64) % 10
        self.fill(np.ascontiguousarray(arrays["X"].transpose(3, 0, 1, 2)), labels)
        self.data = np.ascontiguousarray(arrays["X"].transpose(3, 2, 0, 1))
        self.targets = labels

    @property
    def labels(self) -> np.ndarray:
        """The digits, under torchvision's name."""
        return self.targets

    @labels.setter
    def labels(self, value: np.ndarray) -> None:
        self.targets = value

    def _bytes(self, values: np.ndarray) -> np.ndarray:
        return np.moveaxis(values, -3, -1)

    def _floats(self, images: np.ndarray) -> Tensor:
        return wrap(super()._floats(np.moveaxis(images, -3, -1)).array)

    def extra_repr(self) -> str:
        return f"Split: {self.split.capitalize()}"
