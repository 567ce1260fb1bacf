"""Factorisations of matrices, by LAPACK, with gradients of any order.

The names and arguments are those of ``torch.linalg``. Sources of the gradient rules: M. Giles, "An extended collection of
matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), and the pages of
https://pytorch.org/docs/stable/linalg.html.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core import Array, Sample, Tensor, function, ops, primitive
from ..errors import ArgumentError, GradError
from .inverse import Definite, Spread, lapack, require_matrix

__all__: list[str] = []


def _adjoint(x):
    """Return the conjugate transposes of matrices."""
    return ops.conj(x.mT) if x.dtype.kind == "c" else x.mT


# -- factorisations ---------------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g: ops.half_triangle(g),),
    formula=r"\mathrm{tril}(x) - \mathrm{diag}(x) / 2",
    derivative=r"1",
    samples=lambda: [Sample((3, 3)), Sample((2, 2, 2))],
    torch="",
)
def half_triangle(xp, input):
    """Return the lower triangle of each matrix, with the diagonal halved: what a symmetric matrix is the sum of, twice."""
    n = input.shape[-1]
    return input * (xp.tri(n, dtype=input.dtype) - xp.eye(n, dtype=input.dtype) / 2)


def _difference_gradient(g, out):
    slope = -(g * out * out)
    return ops.sum(slope, dim=-2) - ops.sum(slope, dim=-1)


@primitive(
    vjp=(_difference_gradient,),
    formula=r"1 / (x_j - x_i), 0 \text{ for } i = j",
    derivative=r"-1 / (x_j - x_i)^2",
    samples=lambda: [
        Sample(Array(4, low=-3.0, high=3.0, distinct=True)),
        Sample(Array(2, 3, low=0, high=9, distinct=True)),
    ],
    torch="",
)
def inverse_differences(xp, input):
    """Return the matrix of the reciprocals of all differences ``x[j] - x[i]`` along the last dimension, 0 on its diagonal."""
    difference = input[..., None, :] - input[..., :, None]
    itself = xp.eye(input.shape[-1], dtype=input.dtype)
    with xp.errstate(divide="ignore", invalid="ignore"):
        return (1 - itself) / (difference + itself)


def _cholesky_gradient(g, out):
    upper = _adjoint(out)
    triangle = ops.tril(upper @ g)
    middle = (triangle + _adjoint(ops.tril(triangle, diagonal=-1))) / 2
    return _adjoint(ops.solve_matrix(upper, _adjoint(ops.solve_matrix(upper, middle))))


def _symmetric(A: Any, triangle: str | None) -> Any:
    return A if triangle else (A + A.conj().swapaxes(-1, -2)) / 2


@primitive(
    holomorphic=False,
    vjp=(_cholesky_gradient,),
    formula=r"L L^\top = A",
    derivative=r"\mathrm{sym}(L^{-\top} \Phi(L^\top g) L^{-1})",
    samples=lambda: [Sample(Definite(3, 3)), Sample(Definite(2, 2, 2))],
    torch="",
)
def cholesky_factor(xp, A, *, triangle=None):
    """Return the lower triangular L with L Lᵀ = A, reading one triangle (``"L"``, ``"U"``) or, when None, the symmetric part."""
    require_matrix("cholesky", A)
    return lapack(
        "cholesky",
        lambda: xp.linalg.cholesky(A.conj().swapaxes(-1, -2) if triangle == "U" else _symmetric(A, triangle)),
        "the matrix must be symmetric with eigenvalues above 0; a small multiple of the identity may help",
    )


@function()
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the lower triangular L with L Lᵀ = A for symmetric positive definite A (its transpose with ``upper``).

    Only the triangle in question is read; the gradient is symmetric. Raises LinAlgError when A is not positive definite.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html

    >>> import tapegrad as tg
    >>> tg.linalg.cholesky(tg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    L = ops.cholesky_factor(A, triangle="U" if upper else "L")
    return L.mH if upper else L


def _eigh_gradient(g, out):
    values, vectors = out
    core = 0 if g[0] is None else vectors * g[0][..., None, :]
    if g[1] is not None:
        turn = _adjoint(vectors) @ g[1]
        core = core + vectors @ (ops.inverse_differences(values) * (turn - _adjoint(turn)) / 2)
    return core @ _adjoint(vectors)


@primitive(
    holomorphic=False,
    vjp=(_eigh_gradient,),
    formula=r"V \mathrm{diag}(\lambda) V^\top = A",
    derivative=r"V (\mathrm{diag}(g_\lambda) + (V^\top g_V) / (\lambda_j - \lambda_i)) V^\top",
    samples=lambda: [Sample(Spread(3, 3)), Sample(Spread(2, 2, 2))],
    torch="",
)
def eigh_pair(xp, A, *, triangle=None):
    """Return eigenvalues and eigenvectors, reading one triangle (``"L"``, ``"U"``) or, when None, the symmetric part."""
    require_matrix("eigh", A)
    matrix = _symmetric(A, triangle)
    return tuple(lapack("eigh", lambda: xp.linalg.eigh(matrix, triangle or "L"), "look for nan in the matrix"))


class Eigen(NamedTuple):
    """What :func:`eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


@function()
def eigh(A: Tensor, UPLO: str = "L") -> Eigen:
    """Return the eigenvalues of symmetric matrices in ascending order, and the eigenvectors as columns.

    Only one triangle is read: the lower (``"L"``) or the upper (``"U"``); the gradient is symmetric. That of the vectors
    is finite only where the eigenvalues are distinct. Raises ShapeError for matrices that are not square.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.eigh.html

    >>> import tapegrad as tg
    >>> tg.linalg.eigh(tg.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    if UPLO.upper() not in ("L", "U"):
        raise ArgumentError("eigh", f"UPLO='{UPLO}'", "use 'L' or 'U'")
    return Eigen(*ops.eigh_pair(A, triangle=UPLO.upper()))


def _qr_gradient(g, out):
    Q, R = out
    if g[0] is None and g[1] is None:
        return None
    inner = (0 if g[1] is None else R @ _adjoint(g[1])) - (0 if g[0] is None else _adjoint(g[0]) @ Q)
    triangle = ops.half_triangle(inner)
    right = Q @ (triangle + _adjoint(triangle)) + (0 if g[0] is None else g[0])
    return _adjoint(ops.solve_matrix(R, _adjoint(right)))


@primitive(
    holomorphic=False,
    vjp=(_qr_gradient,),
    formula=r"Q R = A",
    derivative=r"(g_Q + Q\, \mathrm{sym}(\mathrm{tril}(R g_R^\top - g_Q^\top Q))) R^{-\top}",
    samples=lambda: [Sample(Spread(3, 3)), Sample(Spread(4, 2)), Sample(Spread(2, 3, 2))],
    torch="linalg.qr",
)
def qr_pair(xp, A):
    """Return Q with orthonormal columns and upper triangular R, for matrices with at least as many rows as columns."""
    return tuple(xp.linalg.qr(A))


class QR(NamedTuple):
    """What :func:`qr` returns."""

    Q: Tensor
    R: Tensor


@function()
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return the factors of A = Q R: Q with orthonormal columns, R upper triangular.

    ``mode``: ``"reduced"`` (sizes (m, k), (k, n) with k = min(m, n)), ``"complete"`` ((m, m), (m, n)), or ``"r"`` (Q is
    empty). Raises GradError when a gradient through ``"r"``, or ``"complete"`` with m > n, is wanted: it is not defined.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.qr.html

    >>> import tapegrad as tg
    >>> Q, R = tg.linalg.qr(tg.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> Q @ R
    tensor([[3.0000, 1.0000],
            [4.0000, 2.0000]])
    """
    require_matrix("qr", A, square=False)
    m, n = A.shape[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError("qr", f"mode='{mode}' is unknown", "use 'reduced', 'complete' or 'r'")
    if mode == "r" or (mode == "complete" and m > n):
        if A.requires_grad:
            raise GradError("qr", f"mode='{mode}' of a {m} by {n} matrix has no gradient", "use mode='reduced'")
        Q, R = ops.qr_complete(A)
        return QR(A.new_empty(0), R[..., : min(m, n), :]) if mode == "r" else QR(Q, R)
    if m >= n:
        return QR(*ops.qr_pair(A))
    Q, R = ops.qr_pair(A[..., :m])
    return QR(Q, ops.cat(R, Q.mH @ A[..., m:], dim=-1))


@primitive(
    formula=r"Q R = A",
    samples=lambda: [Sample((4, 2)), Sample((2, 3))],
    torch="",
)
def qr_complete(xp, A):
    """Return a square orthogonal Q and R of the shape of A."""
    return tuple(xp.linalg.qr(A, mode="complete"))


# -- singular values --------------------------------------------------------------------------------------------------


def _skew(x):
    return x - _adjoint(x)


def _svd_gradient(g, out):
    """The gradient of the thin factors; what full_matrices adds to them has none."""
    k = out[1].shape[-1]
    U, S, Vh = out[0][..., :k], out[1], out[2][..., :k, :]
    row, gaps = S[..., None, :], ops.inverse_differences(S * S)
    Uh, V = _adjoint(U), _adjoint(Vh)
    result = 0 if g[1] is None else (U * g[1][..., None, :]) @ Vh
    if g[0] is not None:
        gU = g[0][..., :k]
        outside = (gU - U @ (Uh @ gU)) / row if U.shape[-2] > k else 0
        turn = _skew(Uh @ gU)
        if turn.dtype.kind == "c":
            # The phases that U and V share: a gradient that depends on them alone is not defined.
            outside = outside + U * (ops.diagonal(turn, offset=0, dim1=-2, dim2=-1)[..., None, :] / (2 * row))
        result = result + (U @ (turn * gaps * row) + outside) @ Vh
    if g[2] is not None:
        gV = g[2][..., :k, :]
        outside = (gV - (gV @ V) @ Vh) / row.mT if Vh.shape[-1] > k else 0
        result = result + U @ ((row.mT * _skew(Vh @ _adjoint(gV)) * gaps) @ Vh + outside)
    return result


@primitive(
    holomorphic=False,
    vjp=(_svd_gradient,),
    formula=r"U \mathrm{diag}(S) V^\top = A",
    derivative=r"U (\mathrm{diag}(g_S) + \ldots) V^\top",
    samples=lambda: [
        Sample(Spread(3, 3)),
        Sample(Spread(4, 2)),
        Sample(Spread(2, 2, 3)),
        Sample(Spread(3, 3), full_matrices=True),
    ],
    torch="",
)
def svd_triple(xp, A, *, full_matrices=False):
    """Return U, the singular values in descending order, and V transposed."""
    require_matrix("svd", A, square=False)
    return tuple(lapack("svd", lambda: xp.linalg.svd(A, full_matrices=full_matrices), "look for nan in the matrix"))


class SVD(NamedTuple):
    """What :func:`svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


@function()
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """Return U, S, Vᵀ with A = U diag(S) Vᵀ: orthogonal U and V, singular values S in descending order.

    ``full_matrices=False`` leaves out the columns of U and rows of Vᵀ that multiply 0; the gradient ignores them always.
    That of U and V is finite only where the singular values are distinct (and not 0 for a matrix that is not square).
    ``driver`` is for a GPU, and looked at by nobody here.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.svd.html

    >>> import tapegrad as tg
    >>> tg.linalg.svd(tg.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    return SVD(*ops.svd_triple(A, full_matrices=full_matrices))


@function()
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values of each matrix in descending order, with a gradient even where they coincide."""
    return ops.svd_triple(A)[1]
