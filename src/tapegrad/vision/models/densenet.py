"""Densely connected networks: each layer sees the outputs of all before it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ... import nn
from ...core import Tensor
from ...ops.join import cat
from .weights import builder, published

__all__ = [
    "DenseNet",
    "DenseNet121_Weights",
    "DenseNet161_Weights",
    "DenseNet169_Weights",
    "DenseNet201_Weights",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
]


class _DenseLayer(nn.Module):
    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float, memory_efficient: bool = False
    ):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, stride=1, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def forward(self, input: Tensor | list[Tensor]) -> Tensor:
        before = input if isinstance(input, Tensor) else cat(input, 1)
        narrow = self.conv1(self.relu1(self.norm1(before)))
        new = self.conv2(self.relu2(self.norm2(narrow)))
        return nn.functional.dropout(new, self.drop_rate, self.training) if self.drop_rate > 0 else new


class _DenseBlock(nn.ModuleDict):
    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ):
        super().__init__()
        for i in range(num_layers):
            features = num_input_features + i * growth_rate
            self.add_module(
                f"denselayer{i + 1}", _DenseLayer(features, growth_rate, bn_size, drop_rate, memory_efficient)
            )

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


class _Transition(nn.Sequential):
    def __init__(self, num_input_features: int, num_output_features: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """A densely connected network for images (N, 3, H, W).

    ``growth_rate``: channels that each layer adds. ``block_config``: layers of each block; between blocks, channels, height
    and width are halved. ``bn_size``: channels of the 1 × 1 convolutions in units of the growth rate.
    ``memory_efficient`` changes nothing here.
    Source: G. Huang et al., "Densely Connected Convolutional Networks" (2017), arXiv:1608.06993;
    https://pytorch.org/vision/stable/models/densenet.html

    >>> import tapegrad as tg
    >>> DenseNet(4, (2, 2), num_init_features=8, num_classes=5)(tg.zeros(2, 3, 32, 32)).shape
    tapegrad.Size([2, 5])
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ):
        super().__init__()
        first = nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False)
        self.features = nn.Sequential(
            OrderedDict(
                conv0=first,
                norm0=nn.BatchNorm2d(num_init_features),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            )
        )
        channels = num_init_features
        for i, layers in enumerate(block_config, start=1):
            block = _DenseBlock(layers, channels, bn_size, growth_rate, drop_rate, memory_efficient)
            self.features.add_module(f"denseblock{i}", block)
            channels += layers * growth_rate
            if i < len(block_config):
                self.features.add_module(f"transition{i}", _Transition(channels, channels // 2))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        features = nn.functional.relu(self.features(x))
        return self.classifier(nn.functional.adaptive_avg_pool2d(features, (1, 1)).flatten(1))

    @staticmethod
    def published_names(state: Mapping[str, Any]) -> dict[str, Any]:
        """Return a published state, which has names such as ``norm.1``, under the names of this class."""
        return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name): v for name, v in state.items()}


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
    elif isinstance(layer, nn.Linear):
        nn.init.zeros_(layer.bias)


DenseNet121_Weights = published("DenseNet121_Weights", IMAGENET1K_V1=("densenet121-a639ec97.pth", 256))
DenseNet161_Weights = published("DenseNet161_Weights", IMAGENET1K_V1=("densenet161-8d451a50.pth", 256))
DenseNet169_Weights = published("DenseNet169_Weights", IMAGENET1K_V1=("densenet169-b2777c0a.pth", 256))
DenseNet201_Weights = published("DenseNet201_Weights", IMAGENET1K_V1=("densenet201-c1103571.pth", 256))


@builder(DenseNet121_Weights)
def densenet121(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """Return the :class:`DenseNet` of 121 layers; ``kwargs`` are the class's arguments from ``bn_size`` on.

    ``weights``: None, or a name or member of ``DenseNet121_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.densenet121.html
    """
    return DenseNet(32, (6, 12, 24, 16), 64, **kwargs)


@builder(DenseNet161_Weights)
def densenet161(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """Return the :class:`DenseNet` of 161 layers; ``kwargs`` are the class's arguments from ``bn_size`` on.

    ``weights``: None, or a name or member of ``DenseNet161_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.densenet161.html
    """
    return DenseNet(48, (6, 12, 36, 24), 96, **kwargs)


@builder(DenseNet169_Weights)
def densenet169(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """Return the :class:`DenseNet` of 169 layers; ``kwargs`` are the class's arguments from ``bn_size`` on.

    ``weights``: None, or a name or member of ``DenseNet169_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.densenet169.html
    """
    return DenseNet(32, (6, 12, 32, 32), 64, **kwargs)


@builder(DenseNet201_Weights)
def densenet201(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """Return the :class:`DenseNet` of 201 layers; ``kwargs`` are the class's arguments from ``bn_size`` on.

    ``weights``: None, or a name or member of ``DenseNet201_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.densenet201.html
    """
    return DenseNet(32, (6, 12, 48, 32), 64, **kwargs)
