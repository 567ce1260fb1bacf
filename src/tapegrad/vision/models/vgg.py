"""VGG networks: 3 × 3 convolutions, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import nn
from ...core import Tensor
from .weights import builder, published

__all__ = [
    "VGG",
    "VGG11_BN_Weights",
    "VGG11_Weights",
    "VGG13_BN_Weights",
    "VGG13_Weights",
    "VGG16_BN_Weights",
    "VGG16_Weights",
    "VGG19_BN_Weights",
    "VGG19_Weights",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

# Table 1 of the paper: channels of the convolutions in each of five stages; "M" is the pooling after a stage.
_STAGES = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)
cfgs: dict[str, list[str | int]] = {
    name: [v for channels, n in zip(_CHANNELS, counts, strict=True) for v in (*[channels] * n, "M")]
    for name, counts in _STAGES.items()
}


class VGG(nn.Module):
    """A network of ``features`` (see :func:`make_layers`) that end in 512 channels, and three linear layers.

    ``init_weights``: draw the convolutions' weights with ``kaiming_normal_`` and the linear ones' from N(0, 0.01²).
    Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks" (2015), arXiv:1409.1556;
    https://pytorch.org/vision/stable/models/vgg.html
    """

    def __init__(self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
    if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


def make_layers(cfg: Sequence[str | int], batch_norm: bool = False) -> nn.Sequential:
    """Return 3 × 3 convolutions of the numbers of channels in ``cfg`` with ReLU, and a pooling of 2 × 2 for each ``"M"``.

    >>> [type(layer).__name__ for layer in make_layers([8, "M"], batch_norm=True)]
    ['Conv2d', 'BatchNorm2d', 'ReLU', 'MaxPool2d']
    """
    layers: list[nn.Module] = []
    channels = 3
    for v in cfg:
        if isinstance(v, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, v, kernel_size=3, padding=1))
        layers += [nn.BatchNorm2d(v)] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
        channels = v
    return nn.Sequential(*layers)


def _vgg(cfg: str, batch_norm: bool, **kwargs: Any) -> VGG:
    return VGG(make_layers(cfgs[cfg], batch_norm=batch_norm), **kwargs)


VGG11_Weights = published("VGG11_Weights", IMAGENET1K_V1=("vgg11-8a719046.pth", 256))
VGG11_BN_Weights = published("VGG11_BN_Weights", IMAGENET1K_V1=("vgg11_bn-6002323d.pth", 256))
VGG13_Weights = published("VGG13_Weights", IMAGENET1K_V1=("vgg13-19584684.pth", 256))
VGG13_BN_Weights = published("VGG13_BN_Weights", IMAGENET1K_V1=("vgg13_bn-abd245e5.pth", 256))
VGG16_Weights = published("VGG16_Weights", IMAGENET1K_V1=("vgg16-397923af.pth", 256))
VGG16_BN_Weights = published("VGG16_BN_Weights", IMAGENET1K_V1=("vgg16_bn-6c64b313.pth", 256))
VGG19_Weights = published("VGG19_Weights", IMAGENET1K_V1=("vgg19-dcbb9e9d.pth", 256))
VGG19_BN_Weights = published("VGG19_BN_Weights", IMAGENET1K_V1=("vgg19_bn-c79401a0.pth", 256))


@builder(VGG11_Weights)
def vgg11(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 11 layers; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG11_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg11.html
    """
    return _vgg("A", False, **kwargs)


@builder(VGG11_BN_Weights)
def vgg11_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 11 layers with batch normalisation; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG11_BN_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg11_bn.html
    """
    return _vgg("A", True, **kwargs)


@builder(VGG13_Weights)
def vgg13(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 13 layers; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG13_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg13.html
    """
    return _vgg("B", False, **kwargs)


@builder(VGG13_BN_Weights)
def vgg13_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 13 layers with batch normalisation; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG13_BN_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg13_bn.html
    """
    return _vgg("B", True, **kwargs)


@builder(VGG16_Weights)
def vgg16(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 16 layers; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG16_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg16.html
    """
    return _vgg("D", False, **kwargs)


@builder(VGG16_BN_Weights)
def vgg16_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 16 layers with batch normalisation; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG16_BN_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg16_bn.html
    """
    return _vgg("D", True, **kwargs)


@builder(VGG19_Weights)
def vgg19(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 19 layers; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG19_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg19.html
    """
    return _vgg("E", False, **kwargs)


@builder(VGG19_BN_Weights)
def vgg19_bn(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Return the :class:`VGG` of 19 layers with batch normalisation; ``kwargs`` are the class's arguments, after ``features``.

    ``weights``: None, or a name or member of ``VGG19_BN_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.vgg19_bn.html
    """
    return _vgg("E", True, **kwargs)
