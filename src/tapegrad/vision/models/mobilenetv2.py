"""MobileNetV2: inverted residuals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ... import nn
from ...core import Tensor
from ...errors import ArgumentError
from ..ops.misc import Conv2dNormActivation
from .weights import builder, published

__all__ = ["MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

# Table 2 of the paper: expansion, channels, blocks, and the stride of the first block.
_SETTING = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """Return the multiple of ``divisor`` nearest to v, but not less than nine tenths of it.

    >>> _make_divisible(18, 8), _make_divisible(100, 8)
    (24, 104)
    """
    nearest = max(divisor if min_value is None else min_value, int(v + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * v else nearest


class InvertedResidual(nn.Module):
    """Channels spread by ``expand_ratio``, filtered one by one and brought together without activation.

    With the input added where stride and channels allow it. Raises ArgumentError for a stride other than 1 or 2.
    """

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        if stride not in (1, 2):
            raise ArgumentError("InvertedResidual", f"stride is {stride}", "use 1 or 2")
        self.stride = stride
        norm_layer = norm_layer or nn.BatchNorm2d
        hidden = round(inp * expand_ratio)
        self.use_res_connect = stride == 1 and inp == oup
        block = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
        spread = [block(inp, hidden, kernel_size=1)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *spread,
            block(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm_layer(oup),
        )
        self.out_channels = oup
        self._is_cn = stride > 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 for images (N, 3, H, W).

    ``width_mult``: a factor of all numbers of channels, which are rounded to multiples of ``round_nearest``.
    ``inverted_residual_setting``: rows of expansion, channels, number of blocks, stride.
    Raises ArgumentError for rows of another length.
    Source: M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), arXiv:1801.04381;
    https://pytorch.org/vision/stable/models/mobilenetv2.html
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
    ):
        super().__init__()
        block = block or InvertedResidual
        norm_layer = norm_layer or nn.BatchNorm2d
        setting = _SETTING if inverted_residual_setting is None else inverted_residual_setting
        if len(setting) == 0 or len(setting[0]) != 4:
            raise ArgumentError(
                "MobileNetV2",
                f"inverted_residual_setting is {setting!r}",
                "give rows of expansion, channels, blocks, stride",
            )
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        convolution = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
        features: list[nn.Module] = [convolution(3, channels, stride=2)]
        for expansion, wanted, blocks, stride in setting:
            out = _make_divisible(wanted * width_mult, round_nearest)
            for i in range(blocks):
                features.append(
                    block(channels, out, stride if i == 0 else 1, expand_ratio=expansion, norm_layer=norm_layer)
                )
                channels = out
        features.append(convolution(channels, self.last_channel, kernel_size=1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    elif isinstance(layer, (nn.BatchNorm2d, nn.GroupNorm)) and layer.weight is not None:
        nn.init.ones_(layer.weight)
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
    if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm, nn.Linear)) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


MobileNet_V2_Weights = published(
    "MobileNet_V2_Weights",
    IMAGENET1K_V1=("mobilenet_v2-b0353104.pth", 256),
    IMAGENET1K_V2=("mobilenet_v2-7ebf99e0.pth", 232),
)


@builder(MobileNet_V2_Weights)
def mobilenet_v2(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> MobileNetV2:
    """Return a :class:`MobileNetV2`; ``kwargs`` are its arguments.

    ``weights``: None, or a name or member of ``MobileNet_V2_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.mobilenet_v2.html
    """
    return MobileNetV2(**kwargs)
