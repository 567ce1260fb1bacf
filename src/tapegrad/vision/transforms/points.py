"""A transform of points in the plane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, ShapeError
from .base import Transform, rng

__all__ = ["RandomPointRotation"]


class RandomPointRotation(Transform):
    """A point (x, y) turned about the origin by a normally distributed angle of mean 0 and deviation ``std`` degrees.

    For data whose noise lies along the angle, as that of ``datasets.spiral``.
    Raises ArgumentError for a negative deviation, ShapeError for a tensor that is not of shape (2,).

    >>> import tapegrad as tg
    >>> round(RandomPointRotation(std=20.0)(tg.tensor([3.0, 4.0])).norm().item(), 4)
    5.0
    """

    def __init__(self, std: float):
        super().__init__()
        if not (std >= 0 and math.isfinite(std)):
            raise ArgumentError("RandomPointRotation", f"std is {std}", "use a number of degrees that is not negative")
        self.std = std

    def forward(self, img: Any) -> Any:
        if not isinstance(img, Tensor) or tuple(img.shape) != (2,):
            got = f"shape {tuple(img.shape)}" if isinstance(img, Tensor) else f"a {type(img).__name__}"
            raise ShapeError("RandomPointRotation", f"the sample is {got}", "give a tensor (x, y) of shape (2,)")
        angle = math.radians(self.std) * rng().standard_normal()
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = img.array.tolist()
        return wrap(np.array([cos * x - sin * y, sin * x + cos * y], img.dtype))

    def extra_repr(self) -> str:
        return f"std={self.std}"
