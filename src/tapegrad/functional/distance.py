"""Distances, similarities and directions of vectors."""

from __future__ import annotations

import numpy as np

from ..core import Tensor, ops
from ..errors import DTypeError, ShapeError
from ..ops.distance import vector_norm
from ..ops.views import broadcast_tensors

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return the p-norms of the differences along the last dimension: ‖x1 - x2 + eps‖ₚ.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.pairwise_distance(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norms of the differences of all pairs of rows: (N, M) to (N (N - 1) / 2,), row by row.

    Raises ShapeError for another number of dimensions or a negative p, DTypeError for integers.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.pdist(tg.tensor([[0.0], [1.0], [3.0]]))
    tensor([1., 3., 2.])
    """
    if input.ndim != 2 or p < 0:
        raise ShapeError("pdist", f"input of shape {tuple(input.shape)}, p={p}", "give a matrix, and p of at least 0")
    if not input.is_floating_point():
        raise DTypeError("pdist", f"the input has dtype {input.dtype}", "convert it with .float()")
    first, second = np.triu_indices(input.shape[0], 1)
    differences = ops.index(input, first, dims=(0,)) - ops.index(input, second, dims=(0,))
    norms = vector_norm(differences, p, -1)
    # The number of differences other than 0 has the gradient 0, not none.
    return norms + ops.sum(ops.hardtanh(differences) * 0, dim=-1) if p == 0 else norms


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosines of the angles between vectors along a dimension: x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)).

    Raises DTypeError for integers. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.cosine_similarity(tg.tensor([[1.0, 0.0]]), tg.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    if "f" not in (x1.dtype.kind, x2.dtype.kind):
        raise DTypeError(
            "cosine_similarity", f"the inputs have dtypes {x1.dtype} and {x2.dtype}", "make them floating-point"
        )
    if x1.shape != x2.shape:
        x1, x2 = broadcast_tensors(x1, x2)
    return ops.sum(_direction(x1, dim, eps) * _direction(x2, dim, eps), dim=dim)


def _direction(x: Tensor, dim: int, eps: float) -> Tensor:
    return x / ops.clamp(vector_norm(x, 2, dim, True), eps, None)


def normalize(
    input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Return the vectors along a dimension divided by their p-norm, which counts as at least ``eps``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.normalize(tg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    result = input / ops.clamp(vector_norm(input, p, dim, True), eps, None)
    return result if out is None else out.copy_(result)
