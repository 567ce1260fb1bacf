"""Transforms to matrices: Cholesky factors, of correlations as well, and positive definite matrices."""

from __future__ import annotations

import math
from typing import Any

from .. import linalg, ops
from ..core import Tensor
from ..errors import ArgumentError
from ..functional import logsigmoid
from ..ops.convert import finfo
from . import constraints
from .transform import Transform, require_dims
from .utils import _size, tril_matrix_to_vec, vec_to_tril_matrix

__all__ = ["CorrCholeskyTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform"]


class LowerCholeskyTransform(Transform):
    """From matrices to lower triangular ones with a positive diagonal: the exponential of the diagonal.

    >>> import tapegrad as tg
    >>> LowerCholeskyTransform()(tg.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LowerCholeskyTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + ops.diag_embed(ops.exp(x.diagonal(dim1=-2, dim2=-1)))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + ops.diag_embed(ops.log(y.diagonal(dim1=-2, dim2=-1)))


class PositiveDefiniteTransform(Transform):
    """From matrices to positive definite ones: L Lᵀ of their :class:`LowerCholeskyTransform` L.

    >>> import tapegrad as tg
    >>> PositiveDefiniteTransform()(tg.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PositiveDefiniteTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        L = LowerCholeskyTransform()(x)
        return L @ L.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """From vectors of n (n - 1) / 2 numbers to Cholesky factors of correlation matrices of n rows.

    tanh of the numbers are partial correlations z; each row's element is z times what the squares before it leave of 1.
    Source: D. Lewandowski et al., "Generating random correlation matrices based on vines and extended onion method"
    (2009).

    >>> import tapegrad as tg
    >>> CorrCholeskyTransform()(tg.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = finfo(x.dtype).eps
        z = vec_to_tril_matrix(ops.clamp(ops.tanh(x), -1 + eps, 1 - eps), diag=-1)
        left = ops.cumprod(ops.sqrt(1 - ops.square(z)), -1)
        before = ops.cat([ops.ones_like(left[..., :1]), left[..., :-1]], -1)
        return (z + ops.eye(z.shape[-1], dtype=z.dtype)) * before

    def _inverse(self, y: Tensor) -> Tensor:
        left = 1 - ops.cumsum(ops.square(y), -1)
        before = ops.cat([ops.ones_like(left[..., :1]), left[..., :-1]], -1)
        root = ops.sqrt(tril_matrix_to_vec(before, diag=-1))
        t = tril_matrix_to_vec(y, diag=-1) / root
        return ops.atanh(t)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = 1 - ops.cumsum(ops.square(y), -1)
        # What is left after each element below the subdiagonal is what stands before the next one.
        half = 0.5 * ops.log(tril_matrix_to_vec(left, diag=-2)).sum(-1)
        return half + 2 * (math.log(2) - x + logsigmoid(2 * x)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        require_dims("CorrCholeskyTransform", shape, 1)
        n = round(math.sqrt(0.25 + 2 * shape[-1]) + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ArgumentError("CorrCholeskyTransform", f"{shape[-1]} numbers fill no triangle", "pass n (n - 1) / 2")
        return _size((*shape[:-1], n, n))

    def inverse_shape(self, shape: Any) -> Any:
        require_dims("CorrCholeskyTransform", shape, 2)
        if shape[-2] != shape[-1]:
            raise ArgumentError("CorrCholeskyTransform", f"the shape {tuple(shape)}", "pass square matrices")
        n = shape[-1]
        return _size((*shape[:-2], n * (n - 1) // 2))
