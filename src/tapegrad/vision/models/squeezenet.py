"""SqueezeNet: AlexNet's accuracy with fifty times fewer parameters."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...core import Tensor
from ...errors import ArgumentError
from ...ops.join import cat
from .weights import builder, published

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """Channels squeezed by a 1 × 1 convolution, then spread by one of 1 × 1 and one of 3 × 3 side by side."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int):
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


# For each version the first convolution's channels and kernel, and before which modules there is a pooling.
_FIRST = {"1_0": (96, 7), "1_1": (64, 3)}
_POOLED = {"1_0": (0, 3, 7), "1_1": (0, 2, 4)}
# Squeezed channels of the eight modules; each is spread to eight times as many.
_SQUEEZED = (16, 16, 32, 32, 48, 48, 64, 64)


class SqueezeNet(nn.Module):
    """SqueezeNet for images (N, 3, H, W); ``version`` is "1_0", the paper's, or "1_1", with 2.4 times less computation.

    Raises ArgumentError for other versions.
    Source: F. Iandola et al., "SqueezeNet" (2016), arXiv:1602.07360;
    https://pytorch.org/vision/stable/models/squeezenet.html
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        if version not in _FIRST:
            raise ArgumentError("SqueezeNet", f"version is {version!r}", "use '1_0' or '1_1'")
        self.num_classes = num_classes
        channels, kernel = _FIRST[version]
        layers: list[nn.Module] = [nn.Conv2d(3, channels, kernel_size=kernel, stride=2), nn.ReLU(inplace=True)]
        for i, squeezed in enumerate(_SQUEEZED):
            if i in _POOLED[version]:
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            layers.append(Fire(channels, squeezed, squeezed * 4, squeezed * 4))
            channels = squeezed * 8
        self.features = nn.Sequential(*layers)
        final = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), final, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is final:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)


SqueezeNet1_0_Weights = published("SqueezeNet1_0_Weights", IMAGENET1K_V1=("squeezenet1_0-b66bff10.pth", 256))
SqueezeNet1_1_Weights = published("SqueezeNet1_1_Weights", IMAGENET1K_V1=("squeezenet1_1-b8a52dc0.pth", 256))


@builder(SqueezeNet1_0_Weights)
def squeezenet1_0(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> SqueezeNet:
    """Return the :class:`SqueezeNet` of version 1.0; ``kwargs`` are the class's arguments.

    ``weights``: None, or a name or member of ``SqueezeNet1_0_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.squeezenet1_0.html
    """
    return SqueezeNet("1_0", **kwargs)


@builder(SqueezeNet1_1_Weights)
def squeezenet1_1(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> SqueezeNet:
    """Return the :class:`SqueezeNet` of version 1.1; ``kwargs`` are the class's arguments.

    ``weights``: None, or a name or member of ``SqueezeNet1_1_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.squeezenet1_1.html
    """
    return SqueezeNet("1_1", **kwargs)
