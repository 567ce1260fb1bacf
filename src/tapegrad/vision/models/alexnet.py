"""AlexNet, in the form with one column."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...core import Tensor
from .weights import builder, published

__all__ = ["AlexNet", "AlexNet_Weights", "alexnet"]

AlexNet_Weights = published("AlexNet_Weights", IMAGENET1K_V1=("alexnet-owt-7be5be79.pth", 256))


class AlexNet(nn.Module):
    """AlexNet for images (N, 3, H, W) of at least 63 × 63 pixels, trained at 224 × 224.

    Source: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014), arXiv:1404.5997;
    https://pytorch.org/vision/stable/models/alexnet.html
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


@builder(AlexNet_Weights)
def alexnet(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> AlexNet:
    """Return an :class:`AlexNet`; ``kwargs`` are its arguments.

    ``weights``: None, or a name or member of ``AlexNet_Weights`` whose file is on this machine (see its ``get_state_dict``).
    Source: https://pytorch.org/vision/stable/models/generated/torchvision.models.alexnet.html
    """
    return AlexNet(**kwargs)
