"""What all data sets of images share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError, MissingMethodError
from ...utils.data import Dataset

__all__ = ["StandardTransform", "VisionDataset"]


class StandardTransform:
    """What is done to a sample: ``transform`` to its input, ``target_transform`` to its label.

    >>> StandardTransform(target_transform=str)("image", 3)
    ('image', '3')
    """

    def __init__(self, transform: Callable | None = None, target_transform: Callable | None = None):
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        """Return the transformed input and label."""
        if self.transform is not None:
            input = self.transform(input)
        return input, target if self.target_transform is None else self.target_transform(target)

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for title, transform in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if transform is not None:
                lines.append(f"{title}: " + repr(transform).replace("\n", "\n" + " " * (len(title) + 2)))
        return "\n".join(lines)


class VisionDataset(Dataset):
    """The base of data sets of images: write ``__getitem__`` and ``__len__``, and ``extra_repr`` if you like.

    ``transforms`` takes input and label together; or ``transform`` takes the input and ``target_transform`` the label.
    Raises ArgumentError for both. Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.VisionDataset.html

    >>> VisionDataset("data", transform=str).transforms(1, 2)
    ('1', 2)
    """

    _repr_indent = 4

    def __init__(
        self,
        root: Any = None,
        transforms: Callable | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ):
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ArgumentError(
                type(self).__name__, "transforms and transform or target_transform are given", "give one or the others"
            )
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __getitem__(self, index: int) -> Any:
        raise MissingMethodError(
            type(self).__name__, "has no __getitem__", "write one that returns sample number index"
        )

    def __len__(self) -> int:
        raise MissingMethodError(type(self).__name__, "has no __len__", "write one that returns the number of samples")

    def extra_repr(self) -> str:
        """Return more lines for the printed form, such as the split."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            lines.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in lines)])
