"""Arguments of functions of images: sizes as one number or one for each dimension, and checks of the input."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..errors import ShapeError, UnsupportedDTypeError, UsageError

__all__ = ["check_floating", "check_images", "per_dimension"]

_LAYOUT = {1: "length", 2: "height, width", 3: "depth, height, width"}


def per_dimension(who: str, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """Return a number, or a tuple of one or n numbers, as a tuple of n integers.

    Raises UsageError for what is no whole number, ShapeError for another length or a number below ``least``.

    >>> per_dimension("conv2d", "stride", 2, 2)
    (2, 2)
    """
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not all(hasattr(item, "__index__") for item in given):
        raise UsageError(who, f"{name} is {value!r}", f"use a whole number, or a tuple of {n}")
    numbers = tuple(item.__index__() for item in given)
    if len(numbers) not in (1, n):
        raise ShapeError(
            who, f"{name} has {len(numbers)} numbers: {value}", "give one" if n == 1 else f"give one, or {n}"
        )
    if any(number < least for number in numbers):
        raise ShapeError(who, f"{name} is {value}", f"use at least {least}")
    return numbers if len(numbers) == n else numbers * n


def check_images(who: str, input: Tensor, n: int) -> None:
    """Raise ShapeError unless the input has n dimensions after the channels, with or without a batch before them."""
    if input.ndim not in (n + 1, n + 2):
        raise ShapeError(
            who,
            f"the input has shape {tuple(input.shape)}",
            f"give an input (batch, channels, {_LAYOUT[n]}), or one without batch",
        )


def check_floating(who: str, input: Tensor) -> None:
    """Raise UnsupportedDTypeError for integers and booleans."""
    if input.dtype.kind in "iub":
        raise UnsupportedDTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
