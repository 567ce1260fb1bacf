"""Functions that bend images, for PIL images and for tensors of shape (..., channels, height, width)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core import Tensor, wrap
from ...errors import ArgumentError, ShapeError
from .base import InterpolationMode, as_mode, image_array, is_pil, pillow
from .conversion import pil_to_tensor, to_pil_image
from .geometry import pil_fill, pil_mode
from .resampling import projected, read_at

__all__ = ["elastic_transform", "perspective"]

BILINEAR = InterpolationMode.BILINEAR


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: Any = BILINEAR,
    fill: Any = None,
) -> Any:
    """Return an image as seen from elsewhere: four points (x, y), ``startpoints``, move to the ``endpoints``.

    ``fill``: the value of what lies outside. Raises ArgumentError for other than four points.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.perspective.html

    >>> import tapegrad as tg
    >>> square, moved = [[0, 0], [3, 0], [3, 1], [0, 1]], [[1, 0], [4, 0], [4, 1], [1, 1]]
    >>> perspective(tg.tensor([[[1.0, 2.0, 3.0]]]), square, moved)
    tensor([[[0., 1., 2.]]])
    """
    mode = as_mode("perspective", interpolation)
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ArgumentError("perspective", f"{len(startpoints)} points move to {len(endpoints)}", "give four and four")
    coefficients = _coefficients(startpoints, endpoints)
    if is_pil(img):
        kind = pillow("perspective").Transform.PERSPECTIVE
        return img.transform(img.size, kind, coefficients, pil_mode(mode), fillcolor=pil_fill(img, fill))
    return wrap(projected(image_array("perspective", img), coefficients, mode, fill))


def _coefficients(startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]) -> list[float]:
    """Return a to h such that each endpoint (x, y) has (ax + by + c, dx + ey + f) / (gx + hy + 1) as its startpoint."""
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    wanted = np.asarray(startpoints, dtype=np.float64).reshape(8)
    # In the precision that torchvision has them in, as pixels half-way between two go by the last digit.
    return np.linalg.lstsq(np.array(rows, dtype=np.float64), wanted, rcond=None)[0].astype(np.float32).tolist()


def elastic_transform(img: Any, displacement: Tensor, interpolation: Any = BILINEAR, fill: Any = None) -> Any:
    """Return an image of which each pixel is read elsewhere, ``displacement`` (1, H, W, 2) away in (x, y).

    A displacement of 1 is half the width or height. Raises ShapeError for another shape.
    Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.elastic_transform.html

    >>> import tapegrad as tg
    >>> elastic_transform(tg.tensor([[[1.0, 2.0]]]), tg.tensor([[[[1.0, 0.0], [-1.0, 0.0]]]]))
    tensor([[[2., 1.]]])
    """
    mode = as_mode("elastic_transform", interpolation)
    if is_pil(img):
        return to_pil_image(elastic_transform(pil_to_tensor(img), displacement, mode, fill), mode=img.mode)
    array = image_array("elastic_transform", img)
    height, width = array.shape[-2:]
    shift = np.asarray(displacement.array if isinstance(displacement, Tensor) else displacement)
    if shift.shape != (1, height, width, 2):
        raise ShapeError(
            "elastic_transform", f"displacement has shape {shift.shape}", f"give (1, {height}, {width}, 2)"
        )
    rows, columns = np.mgrid[:height, :width]
    x, y = columns + shift[0, ..., 0] * (width / 2), rows + shift[0, ..., 1] * (height / 2)
    return wrap(read_at(array, x.ravel(), y.ravel(), (height, width), mode, fill))
