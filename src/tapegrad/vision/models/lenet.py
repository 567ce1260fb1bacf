"""LeNet-5, the first convolutional network to read digits in earnest."""

from __future__ import annotations

from ...core import Tensor
from ...nn import Conv2d, Linear, Module
from ...nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["LeNet"]


class LeNet(Module):
    """LeNet-5 for images (N, in_channels, 28, 28), with ReLU and maxima where the original has tanh and averages.

    61,706 parameters: two convolutions of 5 × 5 (6 and 16 channels, the first with a border of 2), each followed by a pooling
    of 2 × 2, and linear layers of 120, 84 and ``num_classes`` features.
    Source: Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998)

    >>> import tapegrad as tg
    >>> LeNet()(tg.zeros(2, 1, 28, 28)).shape
    tapegrad.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1):
        super().__init__()
        self.conv1 = Conv2d(in_channels, 6, 5, padding=2)
        self.conv2 = Conv2d(6, 16, 5)
        self.fc1 = Linear(16 * 5 * 5, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))
