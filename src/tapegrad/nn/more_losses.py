"""Losses beyond PyTorch's as layers: each holds the options of the function in ``functional``."""

from __future__ import annotations

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from .module import Module
from .reduction import Loss

__all__ = [
    "CircleLoss",
    "DiceLoss",
    "FocalLoss",
    "GeneralizedCrossEntropyLoss",
    "LogCoshLoss",
    "NTXentLoss",
    "TverskyLoss",
]


class FocalLoss(Loss):
    """The mean focal loss of logits and targets of 0 and 1: see :func:`tapegrad.nn.functional.sigmoid_focal_loss`.

    >>> import tapegrad as tg
    >>> tg.nn.FocalLoss(gamma=0.0, alpha=0.5)(tg.zeros(2), tg.ones(2))
    tensor(0.3466)
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.sigmoid_focal_loss(input, target, self.alpha, self.gamma, self.reduction)


class GeneralizedCrossEntropyLoss(Loss):
    """The mean of (1 - pᵠ) / q at the labels: see :func:`tapegrad.nn.functional.generalized_cross_entropy`."""

    def __init__(self, q: float = 0.7, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.q = q

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.generalized_cross_entropy(input, target, self.q, self.reduction)


class LogCoshLoss(Loss):
    """The mean of ln cosh(x - t): see :func:`tapegrad.nn.functional.log_cosh_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.log_cosh_loss(input, target, self.reduction)


class TverskyLoss(Loss):
    """1 - Tversky's index between probabilities and masks (N, ...): see :func:`tapegrad.nn.functional.tversky_loss`."""

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1e-6, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.alpha = alpha
        self.beta = beta
        self.smooth = smooth

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.tversky_loss(input, target, self.alpha, self.beta, self.smooth, self.reduction)


class DiceLoss(Loss):
    """1 - Dice's coefficient between probabilities and masks (N, ...): see :func:`tapegrad.nn.functional.dice_loss`."""

    def __init__(self, smooth: float = 1e-6, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.smooth = smooth

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.dice_loss(input, target, self.smooth, self.reduction)


class NTXentLoss(Module):
    """The contrastive loss of embeddings (N, D) and labels (N): see :func:`tapegrad.nn.functional.nt_xent_loss`."""

    def __init__(self, temperature: float = 0.07):
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        return F.nt_xent_loss(embeddings, labels, self.temperature)


class CircleLoss(Module):
    """The circle loss of embeddings (N, D) and labels (N): see :func:`tapegrad.nn.functional.circle_loss`."""

    def __init__(self, margin: float = 0.25, gamma: float = 256.0):
        super().__init__()
        self.margin = margin
        self.gamma = gamma

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        return F.circle_loss(embeddings, labels, self.margin, self.gamma)
