"""The LKJ distribution of correlation matrices, as their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import linalg, ops
from ..core import Size, Tensor, no_grad
from ..errors import ArgumentError
from ..ops.convert import finfo
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import _standard_normal

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Lower Cholesky factors of correlation matrices M of ``dim`` rows, with p(M) ∝ det(M)^(concentration - 1).

    Raises ArgumentError (a ValueError) for fewer than 2 rows. Source: D. Lewandowski et al., "Generating random
    correlation matrices based on vines and extended onion method" (2009), section 3.

    >>> import tapegrad as tg
    >>> LKJCholesky(3, 0.5).event_shape
    tapegrad.Size([3, 3])
    """

    arg_constraints: ClassVar = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _ranks: ClassVar = {"concentration": 0}
    concentration: Tensor

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None):
        if dim < 2:
            raise ArgumentError("LKJCholesky", f"dim is {dim}", "use an integer of at least 2")
        self.dim = dim
        super().__init__(self._broadcast(concentration=concentration), Size((dim, dim)), validate_args)

    def sample(self, sample_shape: Any = Size(())) -> Tensor:  # noqa: B008
        dtype = self.concentration.dtype
        with no_grad():
            # Row by row: a direction evenly from the sphere, and how much of the unit length it takes.
            before = ops.clamp(ops.arange(self.dim, dtype=dtype) - 1, min=0)
            other = (self.concentration + 0.5 * (self.dim - 2)).unsqueeze(-1) - 0.5 * before
            share = Beta((before + 1) / 2, other, validate_args=False).sample(sample_shape).unsqueeze(-1)
            normal = _standard_normal(self._extended_shape(sample_shape), dtype).tril(-1)
            length = linalg.vector_norm(normal, dim=-1, keepdim=True)
            rows = ops.sqrt(share) * normal / ops.where(length == 0, 1.0, length)
            rest = ops.clamp(1 - ops.square(rows).sum(-1), min=finfo(dtype).tiny)
            return rows + ops.diag_embed(ops.sqrt(rest))

    def log_prob(self, value: Tensor) -> Tensor:
        value, n, eta = self._checked(value), self.dim, self.concentration
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        powers = 2 * (eta - 1).unsqueeze(-1) + n - ops.arange(2, n + 1, dtype=eta.dtype)
        alpha = eta + 0.5 * (n - 1)
        constant = 0.5 * (n - 1) * math.log(math.pi) + ops.mvlgamma(alpha - 0.5, n - 1) - (n - 1) * ops.lgamma(alpha)
        return (powers * ops.log(diagonal)).sum(-1) - constant
