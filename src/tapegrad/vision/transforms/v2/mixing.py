"""Transforms of batches that mix samples, and their labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....core import Tensor, wrap
from ....errors import ArgumentError, MissingMethodError, ShapeError, UsageError
from ....nn import functional as F  # noqa: N812 - the field's name for it
from ..base import Transform, rng

__all__ = ["CutMix", "MixUp"]


class _Mixing(Transform):
    """Samples of a batch mixed with their neighbours, the last ones with the first ones before them."""

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default"):
        super().__init__()
        if not alpha > 0:
            raise ArgumentError(type(self).__name__, f"alpha is {alpha}", "use a positive number")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self.labels_getter = labels_getter

    def forward(self, *inputs: Any) -> Any:
        """Return the batch and its labels: of ``(images, labels)``, or of ``images, labels``."""
        images, labels = inputs[0] if len(inputs) == 1 else inputs
        who = type(self).__name__
        if not isinstance(images, Tensor) or images.ndim != 4:
            raise ShapeError(who, "the images are no batch", "give (N, C, H, W), as a DataLoader does")
        if not isinstance(labels, Tensor) or len(labels) != len(images):
            raise ShapeError(who, f"there are labels for other than {len(images)} images", "give one for each")
        share = float(rng().beta(self.alpha, self.alpha))
        mixed, share = self._mix(images, share)
        return mixed, self._labels(labels, share)

    def _mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        raise MissingMethodError(type(self).__name__, "has no _mix", "use MixUp or CutMix")

    def _labels(self, labels: Tensor, share: float) -> Tensor:
        if labels.ndim == 1:
            if self.num_classes is None:
                raise UsageError(type(self).__name__, "labels are numbers, num_classes is None", "give num_classes")
            labels = F.one_hot(labels, self.num_classes)
        values = labels.float()
        return values.roll(1, 0) * (1.0 - share) + values * share

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, num_classes={self.num_classes}"


class MixUp(_Mixing):
    """λ · sample + (1 - λ) · the one before it, for images (N, C, H, W) and labels, with λ from Beta(alpha, alpha).

    Labels are numbers (N,), with ``num_classes``, or shares (N, classes). Raises ShapeError for other batches, UsageError
    for numbers without ``num_classes``.
    Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), arXiv:1710.09412

    >>> import tapegrad as tg
    >>> images, labels = MixUp(num_classes=3)(tg.rand(4, 3, 8, 8), tg.tensor([0, 1, 2, 0]))
    >>> images.shape, labels.sum(dim=1)
    (tapegrad.Size([4, 3, 8, 8]), tensor([1., 1., 1., 1.]))
    """

    def _mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        return images.roll(1, 0) * (1.0 - share) + images * share, share


class CutMix(_Mixing):
    """A random rectangle of each image from the one before it, and labels in proportion to the areas.

    The rectangle has the share 1 - λ of the area, with λ from Beta(alpha, alpha), as far as it lies within the image.
    Labels and errors as in :class:`MixUp`.
    Source: S. Yun et al., "CutMix" (2019), arXiv:1905.04899

    >>> import tapegrad as tg
    >>> images, labels = CutMix(num_classes=3)(tg.rand(4, 3, 8, 8), tg.tensor([0, 1, 2, 0]))
    >>> images.shape, labels.shape
    (tapegrad.Size([4, 3, 8, 8]), tapegrad.Size([4, 3]))
    """

    def _mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        height, width = images.shape[-2:]
        stream = rng()
        x, y = int(stream.integers(width)), int(stream.integers(height))
        half = 0.5 * math.sqrt(1.0 - share)
        left, right = max(x - int(half * width), 0), min(x + int(half * width), width)
        top, bottom = max(y - int(half * height), 0), min(y + int(half * height), height)
        out = images.array.copy()
        out[..., top:bottom, left:right] = np.roll(images.array, 1, axis=0)[..., top:bottom, left:right]
        return wrap(out), 1.0 - (right - left) * (bottom - top) / (width * height)
