"""PyTorch's older names, which ``tapegrad`` has itself: their arguments differ from those of ``tapegrad.linalg``."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core import Tensor, function
from ..core.given import write_given
from ..errors import ShapeError
from . import equations, factor
from .distance import matrix_norm, vector_norm
from .inverse import pinv
from .lu import lu_classic as lu
from .lu import lu_solve_classic as lu_solve

__all__ = ["cholesky", "cross", "lu", "lu_solve", "norm", "pinverse", "qr", "svd", "triangular_solve"]


@function(methods="cholesky", name="cholesky_classic")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return :func:`tapegrad.linalg.cholesky`: the lower triangular factor, or the upper."""
    return factor.cholesky(input, upper=upper)


@function(methods="pinverse")
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return :func:`tapegrad.linalg.pinv` with ``rtol=rcond``."""
    return pinv(input, rtol=rcond)


@function(methods="qr", name="qr_classic")
def qr(input: Tensor, some: bool = True) -> factor.QR:
    """Return :func:`tapegrad.linalg.qr` in the mode ``"reduced"``, or ``"complete"`` when ``some`` is False."""
    return factor.qr(input, "reduced" if some else "complete")


class SVD(NamedTuple):
    """What :func:`svd` returns."""

    U: Tensor
    S: Tensor
    V: Tensor


@function(methods="svd", name="svd_classic")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SVD:
    """Return U, S, V with ``input`` = U diag(S) Vᴴ; V itself, where :func:`tapegrad.linalg.svd` returns Vᴴ.

    ``some=False`` gives square U and V; without ``compute_uv`` both are zeros.

    >>> import tapegrad as tg
    >>> tg.svd(tg.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    U, S, Vh = factor.svd(input, full_matrices=not some)
    if compute_uv:
        return SVD(U, S, Vh.mH)
    m, n = input.shape[-2:]
    batch = tuple(input.shape[:-2])
    return SVD(input.new_zeros((*batch, m, m)), S, input.new_zeros((*batch, n, n)))


class TriangularSolve(NamedTuple):
    """What :func:`triangular_solve` returns."""

    solution: Tensor
    cloned_coefficient: Tensor


@function(methods="triangular_solve")
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> TriangularSolve:
    """Return X with A X = ``input`` for a triangular A, or with its transpose, and a copy of A."""
    matrix = A.mT if transpose else A
    solution = equations.solve_triangular(matrix, input, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolve(solution, A.clone())


@function(methods="cross", name="cross_classic")
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross products of vectors of length 3 along a dimension: the first of size 3 when None.

    Raises ShapeError when there is none, or when ``dim`` has another size.

    >>> import tapegrad as tg
    >>> tg.cross(tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise ShapeError("cross", f"no dimension of shape {tuple(input.shape)} has size 3", "pass vectors of 3")
    return equations.cross(input, other, dim=dim)


@function(name="norm_classic")
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """Return the norm of all elements, or of the vectors along ``dim``; ``p="nuc"`` takes matrices.

    Source: https://pytorch.org/docs/stable/generated/torch.norm.html

    >>> import tapegrad as tg
    >>> tg.tensor([[3.0, 0.0], [0.0, 4.0]]).norm()
    tensor(5.)
    """
    result = _norm_method(input, p, dim, keepdim, dtype)
    return result if out is None else write_given("norm", out, result, (input,))


@function(methods="norm", name="norm_method")
def _norm_method(self: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return :func:`norm` of this tensor."""
    if p == "nuc":
        return matrix_norm(self, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(self, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)
