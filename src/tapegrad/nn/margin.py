"""Losses of margins and of distances between examples, as layers."""

from __future__ import annotations

from collections.abc import Callable

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..errors import ArgumentError
from .distance import PairwiseDistance
from .reduction import Loss, WeightedLoss

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


def _positive_margin(who: str, margin: float) -> float:
    if margin <= 0:
        raise ArgumentError(who, f"margin must be greater than 0, got {margin}", "use a positive number")
    return margin


# -- classes ----------------------------------------------------------------------------------------------------------


class HingeLoss(Loss):
    """The hinge loss of a support vector machine, of two classes or of many: see :func:`tapegrad.functional.hinge_loss`.

    >>> import tapegrad as tg
    >>> tg.nn.HingeLoss()(tg.tensor([[2.0, 1.5, 0.0]]), tg.tensor([0]))
    tensor(0.5000)
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_loss(input, target, self.margin, self.reduction)


class MultiMarginLoss(WeightedLoss):
    """The mean over the classes of max(0, margin - x_t + x_j)ᵖ: see :func:`tapegrad.functional.multi_margin_loss`.

    Raises ArgumentError unless ``p`` is 1 or 2 and ``weight`` is a vector.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ArgumentError("MultiMarginLoss", f"p is {p}", "use 1 or 2")
        if weight is not None and weight.ndim != 1:
            raise ArgumentError("MultiMarginLoss", f"weight has shape {tuple(weight.shape)}", "give a vector")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The multi-class margin for several labels a row: see :func:`tapegrad.functional.multilabel_margin_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The mean over the classes of the binary cross entropy with logits."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """The mean of ln(1 + e^(-t x)) for targets of -1 and 1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


# -- distances --------------------------------------------------------------------------------------------------------


class HingeEmbeddingLoss(Loss):
    """The mean of x where the target is 1, and of max(0, margin - x) where it is -1, for distances x."""

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """The mean of max(0, margin - t (x1 - x2)): 0 where x1 ranks higher for t = 1, or lower for t = -1."""

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """The mean of 1 - cos(x1, x2) where the target is 1, and of max(0, cos(x1, x2) - margin) where it is -1."""

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """The mean of max(0, margin + d(a, p) - d(a, n)) for anchors, positive and negative examples.

    Raises ArgumentError unless ``margin`` is positive. Source: V. Balntas et al., "Learning Shallow Convolutional Feature
    Descriptors with Triplet Losses" (2016), http://www.bmva.org/bmvc/2016/papers/paper119/index.html
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = _positive_margin("TripletMarginLoss", margin)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        options = (self.margin, self.p, self.eps, self.swap)
        return F.triplet_margin_loss(anchor, positive, negative, *options, reduction=self.reduction)


class TripletMarginWithDistanceLoss(Loss):
    """:class:`TripletMarginLoss` with any function of two tensors as the distance: PairwiseDistance unless given."""

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ):
        super().__init__(reduction=reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = _positive_margin("TripletMarginWithDistanceLoss", margin)
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
