"""Distances and similarities as layers."""

from __future__ import annotations

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The ``p``-norms of the differences of rows: (N, D) and (N, D) to (N).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html

    >>> import tapegrad as tg
    >>> tg.nn.PairwiseDistance(p=1, eps=0.0)(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([7.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosines of the angles between vectors along ``dim``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html

    >>> import tapegrad as tg
    >>> tg.nn.CosineSimilarity()(tg.tensor([[1.0, 0.0]]), tg.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8):
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
