"""Noise in the shape of images, to try a program with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import IndexRangeError
from ..transforms import functional as F  # noqa: N812 - the field's name for it
from .vision import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """``size`` PIL images of random bytes with random labels; image i is the same each time, and that of its number.

    ``image_size``: (channels, height, width). ``random_offset`` is added to the number of the image.
    Raises IndexRangeError beyond the last image, MissingExtraError without pillow.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.FakeData.html
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        random_offset: int = 0,
    ):
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.size:
            raise IndexRangeError("FakeData", f"sample {index} of {self.size:,}", "use a smaller index")
        source = np.random.default_rng(int(index) + self.random_offset)
        channels, height, width = self.image_size
        image = F.to_pil_image(source.integers(0, 256, (height, width, channels), dtype=np.uint8))
        label = int(source.integers(self.num_classes))
        if self.transform is not None:
            image = self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)

    def __len__(self) -> int:
        return self.size
