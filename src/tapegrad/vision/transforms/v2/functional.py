"""The functions behind the transforms, under the name of torchvision's second version of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core import Tensor, wrap
from ..base import is_pil
from ..conversion import convert_image_dtype, pil_to_tensor
from ..functional import *  # noqa: F403

__all__ = ["to_dtype", "to_image"]


def to_image(inpt: Any) -> Tensor:
    """Return a PIL image or an array (height, width[, channels]) as a tensor (channels, height, width) of the same values.

    >>> to_image(np.array([[1, 2]], dtype=np.uint8)).shape
    tapegrad.Size([1, 1, 2])
    """
    if isinstance(inpt, Tensor):
        return inpt
    if is_pil(inpt):
        return pil_to_tensor(inpt)
    pixels = np.asarray(inpt)
    return wrap(np.array(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), order="C"))


def to_dtype(inpt: Tensor, dtype: Any = np.float32, scale: bool = False) -> Tensor:
    """Return an image in another dtype; with ``scale``, its values scaled to what that holds (see ``convert_image_dtype``).

    >>> import tapegrad as tg
    >>> to_dtype(tg.tensor([0, 255], dtype="uint8"), tg.float32, scale=True)
    tensor([0., 1.])
    """
    return convert_image_dtype(inpt, dtype) if scale else inpt.to(dtype)
