"""Residual networks: ResNet, ResNeXt and Wide ResNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...core import Tensor
from ...errors import ArgumentError, MissingMethodError
from .weights import builder, published

__all__ = [
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNet",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a convolution of 3 × 3 without bias, with a border as wide as its dilation."""
    return nn.Conv2d(in_planes, out_planes, 3, stride, padding=dilation, groups=groups, bias=False, dilation=dilation)


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution of 1 × 1 without bias."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two convolutions of 3 × 3 around which the input goes: relu(f(x) + x), with ``downsample(x)`` where shapes change.

    Raises ArgumentError for groups or another width, MissingMethodError for a dilation: as torchvision, only
    :class:`Bottleneck` knows them.
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ArgumentError(
                "BasicBlock", f"groups={groups}, base_width={base_width}", "use 1 and 64, or Bottleneck"
            )
        if dilation > 1:
            raise MissingMethodError("BasicBlock", f"dilation is {dilation}", "use 1, or Bottleneck")
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Convolutions of 1 × 1, 3 × 3 and 1 × 1 around which the input goes: relu(f(x) + x), with ``downsample(x)`` where
    shapes change.

    The stride is the middle one's, as in the version called ResNet v1.5; the paper has it in the first.
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A residual network for images (N, 3, H, W): a convolution of 7 × 7, four stages of blocks, the mean, a linear layer.

    ``block``: :class:`BasicBlock` or :class:`Bottleneck`; ``layers``: how many of them in each stage.
    ``zero_init_residual``: begin with blocks that change nothing. ``groups``, ``width_per_group``: of the bottlenecks'
    middle convolution. ``replace_stride_with_dilation``: for each of the last three stages, whether it keeps the size.
    ``norm_layer``: what makes the normalisations, by default ``nn.BatchNorm2d``.
    Source: K. He et al., "Deep Residual Learning for Image Recognition" (2016), arXiv:1512.03385;
    https://pytorch.org/vision/stable/models/resnet.html

    >>> import tapegrad as tg
    >>> ResNet(BasicBlock, [1, 1, 1, 1], num_classes=7)(tg.zeros(2, 3, 32, 32)).shape
    tapegrad.Size([2, 7])
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        dilate = [False, False, False] if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ArgumentError(
                "ResNet",
                f"replace_stride_with_dilation is {dilate!r}",
                "give None or one bool for each of three stages",
            )
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._initialise(zero_init_residual)

    def _initialise(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) and module.weight is not None:
                nn.init.ones_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if zero_init_residual:
            for module in self.modules():
                last = module.bn3 if isinstance(module, Bottleneck) else getattr(module, "bn2", None)
                if last is not None and last.weight is not None:
                    nn.init.zeros_(last.weight)

    def _make_layer(
        self,
        block: type[BasicBlock | Bottleneck],
        planes: int,
        blocks: int,
        stride: int = 1,
        dilate: bool = False,
    ) -> nn.Sequential:
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            shortcut = conv1x1(self.inplanes, planes * block.expansion, stride)
            downsample = nn.Sequential(shortcut, self._norm_layer(planes * block.expansion))
        shared = (self.groups, self.base_width)
        made = [block(self.inplanes, planes, stride, downsample, *shared, before, self._norm_layer)]
        self.inplanes = planes * block.expansion
        made += [
            block(self.inplanes, planes, 1, None, *shared, self.dilation, self._norm_layer) for _ in range(1, blocks)
        ]
        return nn.Sequential(*made)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_impl(x)


ResNet18_Weights = published("ResNet18_Weights", IMAGENET1K_V1=("resnet18-f37072fd.pth", 256))
ResNet34_Weights = published("ResNet34_Weights", IMAGENET1K_V1=("resnet34-b627a593.pth", 256))
ResNet50_Weights = published(
    "ResNet50_Weights", IMAGENET1K_V1=("resnet50-0676ba61.pth", 256), IMAGENET1K_V2=("resnet50-11ad3fa6.pth", 232)
)
ResNet101_Weights = published(
    "ResNet101_Weights", IMAGENET1K_V1=("resnet101-63fe2227.pth", 256), IMAGENET1K_V2=("resnet101-cd907fc2.pth", 232)
)
ResNet152_Weights = published(
    "ResNet152_Weights", IMAGENET1K_V1=("resnet152-394f9c45.pth", 256), IMAGENET1K_V2=("resnet152-f82ba261.pth", 232)
)
ResNeXt50_32X4D_Weights = published(
    "ResNeXt50_32X4D_Weights",
    IMAGENET1K_V1=("resnext50_32x4d-7cdf4587.pth", 256),
    IMAGENET1K_V2=("resnext50_32x4d-1a0047aa.pth", 232),
)
ResNeXt101_32X8D_Weights = published(
    "ResNeXt101_32X8D_Weights",
    IMAGENET1K_V1=("resnext101_32x8d-8ba56ff5.pth", 256),
    IMAGENET1K_V2=("resnext101_32x8d-110c445d.pth", 232),
)
ResNeXt101_64X4D_Weights = published("ResNeXt101_64X4D_Weights", IMAGENET1K_V1=("resnext101_64x4d-173b62eb.pth", 232))
Wide_ResNet50_2_Weights = published(
    "Wide_ResNet50_2_Weights",
    IMAGENET1K_V1=("wide_resnet50_2-95faca4d.pth", 256),
    IMAGENET1K_V2=("wide_resnet50_2-9ba9bcbe.pth", 232),
)
Wide_ResNet101_2_Weights = published(
    "Wide_ResNet101_2_Weights",
    IMAGENET1K_V1=("wide_resnet101_2-32ee1156.pth", 256),
    IMAGENET1K_V2=("wide_resnet101_2-d733dc28.pth", 232),
)


@builder(ResNet18_Weights)
def resnet18(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 18 layers; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNet18_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet18.html
    """
    return ResNet(BasicBlock, [2, 2, 2, 2], **kwargs)


@builder(ResNet34_Weights)
def resnet34(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 34 layers; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNet34_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet34.html
    """
    return ResNet(BasicBlock, [3, 4, 6, 3], **kwargs)


@builder(ResNet50_Weights)
def resnet50(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 50 layers; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNet50_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], **kwargs)


@builder(ResNet101_Weights)
def resnet101(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 101 layers; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNet101_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet101.html
    """
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)


@builder(ResNet152_Weights)
def resnet152(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 152 layers; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNet152_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet152.html
    """
    return ResNet(Bottleneck, [3, 8, 36, 3], **kwargs)


@builder(ResNeXt50_32X4D_Weights)
def resnext50_32x4d(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNeXt of 50 layers, its middle convolutions in 32 groups of 4 channels; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNeXt50_32X4D_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnext50_32x4d.html
    """
    kwargs.setdefault("groups", 32)
    kwargs.setdefault("width_per_group", 4)
    return ResNet(Bottleneck, [3, 4, 6, 3], **kwargs)


@builder(ResNeXt101_32X8D_Weights)
def resnext101_32x8d(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNeXt of 101 layers, its middle convolutions in 32 groups of 8 channels; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNeXt101_32X8D_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnext101_32x8d.html
    """
    kwargs.setdefault("groups", 32)
    kwargs.setdefault("width_per_group", 8)
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)


@builder(ResNeXt101_64X4D_Weights)
def resnext101_64x4d(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNeXt of 101 layers, its middle convolutions in 64 groups of 4 channels; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``ResNeXt101_64X4D_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.resnext101_64x4d.html
    """
    kwargs.setdefault("groups", 64)
    kwargs.setdefault("width_per_group", 4)
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)


@builder(Wide_ResNet50_2_Weights)
def wide_resnet50_2(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 50 layers with bottlenecks twice as wide; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``Wide_ResNet50_2_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.wide_resnet50_2.html
    """
    kwargs.setdefault("width_per_group", 128)
    return ResNet(Bottleneck, [3, 4, 6, 3], **kwargs)


@builder(Wide_ResNet101_2_Weights)
def wide_resnet101_2(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Return the ResNet of 101 layers with bottlenecks twice as wide; ``kwargs`` go to :class:`ResNet`.

    ``weights``: None, or a name or member of ``Wide_ResNet101_2_Weights`` whose file is on this machine.
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.wide_resnet101_2.html
    """
    kwargs.setdefault("width_per_group", 128)
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)
