"""Approximations of low rank, and a few eigenvectors.

Source: N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness", SIAM Review 53 (2011), algorithms 4.4
and 5.1.
"""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..core import function as register
from ..errors import OptionError, ShapeError
from .factor import cholesky, eigh, qr, svd
from .inverse import require_matrix
from .random import randn

__all__ = ["lobpcg", "pca_lowrank", "svd_lowrank"]


def _range(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Return an orthonormal basis of q vectors that nearly spans what the columns of A - M span."""

    def times(X: Tensor) -> Tensor:
        return A @ X if M is None else A @ X - M @ X

    def adjoint_times(X: Tensor) -> Tensor:
        return A.mH @ X if M is None else A.mH @ X - M.mH @ X

    Q = qr(times(randn(int(A.shape[-1]), q, dtype=A.dtype))).Q
    for _ in range(niter):
        Q = qr(adjoint_times(Q)).Q
        Q = qr(times(Q)).Q
    return Q


@register()
def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return U, S, V with U diag(S) Vᴴ near A - M: q singular vectors and values, by random projections.

    ``niter`` steps of subspace iteration, at least 0, make it more exact. Draws from tapegrad's generator.
    Source: https://pytorch.org/docs/stable/generated/torch.svd_lowrank.html
    """
    require_matrix("svd_lowrank", A, square=False)
    count = 6 if q is None else q
    if M is not None:
        M = M.expand(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A, M = A.mH, None if M is None else M.mH
    Q = _range(A, count, 2 if niter is None else niter, M)
    B = Q.mH @ (A if M is None else A - M)
    U, S, Vh = svd(B, full_matrices=False)
    U, V = Q @ U, Vh.mH
    return (V, S, U) if wide else (U, S, V)


@register()
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Return :func:`svd_lowrank` of A with the mean of each column taken away when ``center``: its principal components.

    ``q``: how many, ``min(6, m, n)`` by default. Raises OptionError for more than the smaller size, or a negative ``niter``.
    Source: https://pytorch.org/docs/stable/generated/torch.pca_lowrank.html
    """
    require_matrix("pca_lowrank", A, square=False)
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise OptionError("pca_lowrank", f"q is {q}, the matrix {m} by {n}", f"use 0 to {min(m, n)}")
    if niter < 0:
        raise OptionError("pca_lowrank", f"niter is {niter}", "use 0 or more")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)


@register()
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:
    """Return the k largest (or smallest) eigenvalues of symmetric A, or of A x = λ B x, and their eigenvectors as columns.

    They are exact, from a whole factorisation: what steers an iteration (``X`` beyond its number of columns, ``iK``,
    ``niter``, ``tol``, ``method`` ...) is accepted and not needed. Raises OptionError for a wrong ``k``.
    Source: https://pytorch.org/docs/stable/generated/torch.lobpcg.html
    """
    require_matrix("lobpcg", A)
    size = int(A.shape[-1])
    k = (1 if X is None else int(X.shape[-1])) if k is None else k
    if not 0 < k <= size:
        raise OptionError("lobpcg", f"k is {k}, the matrices are {size} by {size}", f"use 1 to {size}")
    if B is not None and B.shape[-2:] != A.shape[-2:]:
        raise ShapeError("lobpcg", f"A has shape {tuple(A.shape)}, B {tuple(B.shape)}", "make them equal")
    if B is None:
        values, vectors = eigh(A)
    else:
        L = cholesky(B)
        half = ops.solve_matrix(L, A)
        values, vectors = eigh(ops.solve_matrix(L, half.mT).mT)
        vectors = ops.solve_matrix(L.mT, vectors)
    if largest is None or largest:
        return values[..., -k:].flip(-1), vectors[..., -k:].flip(-1)
    return values[..., :k], vectors[..., :k]
