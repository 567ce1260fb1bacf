"""Layers that move elements between channels and places."""

from __future__ import annotations

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from .described import Described

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Described):
    """Pixels out of channels: (..., C r², H, W) to (..., C, H r, W r). See :func:`tapegrad.nn.functional.pixel_shuffle`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html

    >>> import tapegrad as tg
    >>> tg.nn.PixelShuffle(3)(tg.zeros(1, 9, 4, 4)).shape
    tapegrad.Size([1, 1, 12, 12])
    """

    shown = ("upscale_factor",)

    def __init__(self, upscale_factor: int):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Described):
    """Pixels into channels: (..., C, H r, W r) to (..., C r², H, W), the inverse of :class:`PixelShuffle`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html

    >>> import tapegrad as tg
    >>> tg.nn.PixelUnshuffle(3)(tg.zeros(1, 1, 12, 12)).shape
    tapegrad.Size([1, 9, 4, 4])
    """

    shown = ("downscale_factor",)

    def __init__(self, downscale_factor: int):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)


class ChannelShuffle(Described):
    """Channels dealt out among groups: see :func:`tapegrad.nn.functional.channel_shuffle`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html

    >>> import tapegrad as tg
    >>> tg.nn.ChannelShuffle(2)(tg.arange(4.0).reshape(1, 4, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    shown = ("groups",)

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)
