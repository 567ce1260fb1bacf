"""The elements under sliding windows as columns of a matrix, and back."""

from __future__ import annotations

import math
from typing import Any

from ..core import Tensor, ops
from ..errors import ShapeError
from .windows import check_images, per_dimension

__all__ = ["fold", "unfold"]


def _columns(who: str, size: tuple, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[dict, int]:
    """Return the keywords of ``im2col``, and how many columns there are."""
    window = {
        "kernel_size": per_dimension(who, "kernel_size", kernel_size, 2),
        "dilation": per_dimension(who, "dilation", dilation, 2),
        "padding": per_dimension(who, "padding", padding, 2, least=0),
        "stride": per_dimension(who, "stride", stride, 2),
    }
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(size, *window.values(), strict=True)]
    if min(counts) < 1:
        given = ", ".join(f"{name}={value}" for name, value in window.items())
        raise ShapeError(who, f"no window fits into size {size} with {given}", "use smaller windows or more padding")
    return window, math.prod(counts)


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Return the elements under every window of images as columns.

    Shapes: input (N, C, H, W) or (C, H, W); result (N, C · KH · KW, windows), channel by channel, each row by row.
    Raises ShapeError when no window fits.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.unfold(tg.arange(6.0).reshape(1, 2, 3), (2, 2))
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    check_images("unfold", input, 2)
    window, _ = _columns("unfold", tuple(input.shape[-2:]), kernel_size, dilation, padding, stride)
    if input.ndim == 4:
        return ops.im2col(input, **window)
    out = ops.im2col(ops.reshape(input, shape=(1, *input.shape)), **window)
    return ops.reshape(out, shape=out.shape[1:])


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Return images of ``output_size`` with every column added back to where :func:`unfold` takes it from.

    Shapes: input (N, C · KH · KW, windows) or without N; result (N, C, H, W). Raises ShapeError, with the numbers that
    would fit. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.fold(tg.ones(1, 4, 2), (2, 3), 2)
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    size = per_dimension("fold", "output_size", output_size, 2)
    window, count = _columns("fold", size, kernel_size, dilation, padding, stride)
    taps = math.prod(window["kernel_size"])
    shape = tuple(input.shape)
    if input.ndim not in (2, 3) or shape[-2] % taps or shape[-1] != count:
        raise ShapeError(
            "fold",
            f"the input has shape {shape}, windows {window['kernel_size']} in size {size} make {count} columns",
            f"give an input (batch, multiple of {taps}, {count})",
        )
    columns = input if input.ndim == 3 else ops.reshape(input, shape=(1, *shape))
    out = ops.col2im(columns, size=size, **window)
    return out if input.ndim == 3 else ops.reshape(out, shape=out.shape[1:])
