"""Elements moved between channels and places: pixels out of channels and back, channels among groups."""

from __future__ import annotations

from ..core import Tensor, function, ops
from ..errors import ShapeError

__all__ = ["channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def _check(who: str, input: Tensor, factor: int) -> None:
    if input.ndim < 3:
        raise ShapeError(who, f"the input has shape {tuple(input.shape)}", "give (..., channels, height, width)")
    if factor < 1:
        raise ShapeError(who, f"the factor is {factor}", "use at least 1")


@function()
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return images r times as high and wide, each square of r x r pixels out of r² channels: (..., C r², H, W) to (..., C, H r, W r).

    Raises ShapeError when the channels are no multiple of r².
    Source: W. Shi et al., "Real-Time Single Image and Video Super-Resolution" (2016), https://arxiv.org/abs/1609.05158

    >>> import tapegrad as tg
    >>> tg.pixel_shuffle(tg.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    _check("pixel_shuffle", input, upscale_factor)
    r = upscale_factor
    *lead, channels, height, width = input.shape
    if channels % (r * r):
        raise ShapeError("pixel_shuffle", f"{channels} channels with factor {r}", f"use a multiple of {r * r} channels")
    n = len(lead)
    squares = ops.reshape(input, shape=(*lead, channels // (r * r), r, r, height, width))
    apart = ops.permute(squares, dims=(*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return ops.clone(ops.reshape(apart, shape=(*lead, channels // (r * r), height * r, width * r)))


@function()
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return images with each square of r x r pixels as r² channels: (..., C, H r, W r) to (..., C r², H, W).

    The inverse of :func:`pixel_shuffle`. Raises ShapeError when height or width is no multiple of r.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html

    >>> import tapegrad as tg
    >>> tg.pixel_unshuffle(tg.arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    _check("pixel_unshuffle", input, downscale_factor)
    r = downscale_factor
    *lead, channels, height, width = input.shape
    if height % r or width % r:
        raise ShapeError("pixel_unshuffle", f"images of {height} x {width} with factor {r}", f"use multiples of {r}")
    n = len(lead)
    squares = ops.reshape(input, shape=(*lead, channels, height // r, r, width // r, r))
    together = ops.permute(squares, dims=(*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return ops.clone(ops.reshape(together, shape=(*lead, channels * r * r, height // r, width // r)))


@function()
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return the input (N, C, ...) with its channels dealt out: the first of each group, then the second of each, ...

    Raises ShapeError when the channels are no multiple of the groups.
    Source: X. Zhang et al., "ShuffleNet" (2017), https://arxiv.org/abs/1707.01083

    >>> import tapegrad as tg
    >>> tg.channel_shuffle(tg.arange(6.0).reshape(1, 6, 1), 2).flatten()
    tensor([0., 3., 1., 4., 2., 5.])
    """
    _check("channel_shuffle", input, groups)
    batch, channels, *rest = input.shape
    if channels % groups:
        raise ShapeError("channel_shuffle", f"{channels} channels in {groups} groups", "use a multiple of the groups")
    apart = ops.reshape(input, shape=(batch, groups, channels // groups, *rest)).transpose(1, 2)
    return ops.clone(ops.reshape(apart, shape=tuple(input.shape)))


@function()
def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return :func:`channel_shuffle` of the arguments."""
    return channel_shuffle(input, groups)
