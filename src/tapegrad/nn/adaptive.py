"""Layers that pool to a given size."""

from __future__ import annotations

from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from .described import Described

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class _AdaptiveAvgPoolNd(Described):
    dimensions = 0
    shown = ("output_size",)

    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, f"adaptive_avg_pool{self.dimensions}d")(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The averages of ``output_size`` windows that cover a signal evenly: (N, C, L) to (N, C, output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.AdaptiveAvgPool1d(2)(tg.tensor([[0.0, 3.0, 6.0]]))
    tensor([[1.5000, 4.5000]])
    """

    dimensions = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The averages of windows that cover images evenly: (N, C, H, W) to (N, C, *output_size); None keeps a size.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.AdaptiveAvgPool2d((1, 1))(tg.zeros(8, 512, 7, 7)).shape
    tapegrad.Size([8, 512, 1, 1])
    """

    dimensions = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The averages of windows that cover volumes evenly: (N, C, D, H, W) to (N, C, *output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html
    """

    dimensions = 3


class _AdaptiveMaxPoolNd(Described):
    dimensions = 0
    shown = ("output_size",)

    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"adaptive_max_pool{self.dimensions}d")(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest elements of ``output_size`` windows that cover a signal evenly: (N, C, L) to (N, C, output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.AdaptiveMaxPool1d(2)(tg.tensor([[0.0, 3.0, 6.0]]))
    tensor([[3., 6.]])
    """

    dimensions = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that cover images evenly: (N, C, H, W) to (N, C, *output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    dimensions = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that cover volumes evenly: (N, C, D, H, W) to (N, C, *output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html
    """

    dimensions = 3
