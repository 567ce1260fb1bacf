"""Digits: a small real set that comes with the package."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from .arrays import ImageArrays
from .files import load_arrays

__all__ = ["Digits"]

_FILE = pathlib.Path(__file__).with_name("digits.npz")


class Digits(ImageArrays):
    """1,797 handwritten digits of 8 × 8 pixels with values from 0 to 16, which come with the package.

    ``train``: every fifth digit of each class is for testing (355), the others for training (1,442).
    ``data`` holds the values from 0 to 16, :meth:`tensors` divides them by 16; images for transforms have them stretched to
    0 to 255. See :class:`ImageArrays` for samples and batches.
    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits" (1998), UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, CC BY 4.0.

    >>> images, labels = Digits(train=True).tensors()
    >>> images.shape, labels[:5]
    (tapegrad.Size([1442, 1, 8, 8]), tensor([0, 1, 2, 3, 4]))
    """

    classes: Sequence[str] = [str(i) for i in range(10)]
    peak = 16

    def __init__(self, train: bool = True, transform: Callable | None = None, target_transform: Callable | None = None):
        super().__init__(_FILE.parent, transform, target_transform)
        self.train = train
        self.files = [_FILE]
        arrays = load_arrays(_FILE)
        labels = arrays["labels"]
        same = labels[:, None] == np.arange(len(self.classes))
        rank = np.cumsum(same, axis=0)[same]  # how many of a digit's class there are up to it
        chosen = (rank % 5 == 0) != train
        self.fill(arrays["images"][chosen], labels[chosen])

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"
