"""The loss that looks at what is hard."""

from __future__ import annotations

from ...core import Tensor
from ...errors import ArgumentError
from ...nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["sigmoid_focal_loss"]


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    """Return -α_t (1 - p_t)^γ log p_t, with p_t the probability (sigmoid of ``inputs``) given to what ``targets`` (0, 1) say.

    α_t is ``alpha`` where the target is 1, 1 - alpha where it is 0; below 0 there is no such factor. ``reduction``: none, mean
    or sum; raises ArgumentError for another.
    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017), arXiv:1708.02002

    >>> import tapegrad as tg
    >>> sigmoid_focal_loss(tg.zeros(2), tg.tensor([1.0, 0.0]))
    tensor([0.0433, 0.1300])
    """
    p = inputs.sigmoid()
    right = p * targets + (1 - p) * (1 - targets)
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    if reduction not in ("none", "mean", "sum"):
        raise ArgumentError("sigmoid_focal_loss", f"reduction is '{reduction}'", "use none, mean or sum")
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]
