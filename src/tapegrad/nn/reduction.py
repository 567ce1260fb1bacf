"""What losses have in common as layers: a reduction, and a weight for each class or element."""

from __future__ import annotations

from ..core import Tensor
from ..functional.reduction import legacy_reduction
from .module import Module

__all__: list[str] = []


class Loss(Module):
    """What losses share: ``reduction``, "mean", "sum" or "none", which may be given by its two deprecated names."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"):
        super().__init__()
        legacy = size_average is not None or reduce is not None
        self.reduction = legacy_reduction(size_average, reduce) if legacy else reduction


class WeightedLoss(Loss):
    """A loss with a weight for each class or element, which is a buffer: it moves and is saved with the model."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
