"""More of ``torch.linalg``: least squares, triangular systems, ranks, powers of tensors, the exponential of matrices."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core import Array, Sample, Tensor, function, ops, primitive
from ..errors import ArgumentError, DTypeError, IndexRangeError, OptionError, ShapeError, UsageError
from .distance import matrix_norm
from .factor import Eigen, eigh, svdvals
from .inverse import Spread, cutoffs, identity, lapack, over_cutoff, pinv, require_matrix

__all__ = ["chain_matmul", "cholesky_inverse", "cholesky_solve", "matrix_exp"]


# -- products ---------------------------------------------------------------------------------------------------------


@primitive(
    promote="same",
    vjp=(
        lambda g, other, input_shape, dim: ops.sum_to(ops.cross_product(other, g, dim=dim), shape=input_shape),
        lambda g, input, other_shape, dim: ops.sum_to(ops.cross_product(g, input, dim=dim), shape=other_shape),
    ),
    formula=r"x \times y",
    derivative=r"y \times g, g \times x",
    samples=lambda: [
        Sample((3,), (3,)),
        Sample((2, 3), (2, 3)),
        Sample((3, 4), (3, 1), dim=-2),
        Sample((2, 1, 3), (1, 4, 3)),
    ],
    torch="",
)
def cross_product(xp, input, other, *, dim=-1):
    """Return the cross product of vectors with three components along a dimension counted from the end."""
    return xp.cross(input, other, axis=dim)


@function()
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross products of vectors of length 3 along a dimension; the other dimensions broadcast.

    Raises ShapeError when ``dim`` has another size.

    >>> import tapegrad as tg
    >>> tg.linalg.cross(tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    back = dim if dim < 0 else dim - input.ndim
    if not -max(input.ndim, other.ndim, 1) <= dim < max(input.ndim, other.ndim, 1):
        raise IndexRangeError(
            "cross", f"dim {dim} of {input.ndim} dimensions", f"use {-input.ndim} to {input.ndim - 1}"
        )
    known = input.ndim == other.ndim and -input.ndim <= back < 0
    if not known or input.shape[back] != 3 or other.shape[back] != 3:
        raise ShapeError(
            "cross",
            f"shapes {tuple(input.shape)} and {tuple(other.shape)} do not both have size 3 along dim {dim}",
            "pass vectors of length 3 there, with as many dimensions",
        )
    return ops.cross_product(input, other, dim=back)


@function()
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of several matrices, in the order that needs the fewest multiplications.

    Raises UsageError without matrices, ShapeError when neighbours do not fit.
    """
    if not matrices:
        raise UsageError("chain_matmul", "there are no matrices", "pass at least one")
    sizes = [*(int(m.shape[0]) for m in matrices), int(matrices[-1].shape[-1])]
    return _product(list(matrices), _splits(sizes), 0, len(matrices) - 1)


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to split each run of matrices i..j: the classic dynamic programme."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            split[i, j] = min(costs, key=lambda k: costs[k])
            cost[i, j] = costs[split[i, j]]
    return split


def _product(matrices: list[Tensor], split: dict, i: int, j: int) -> Tensor:
    if i == j:
        return matrices[i]
    k = split[i, j]
    return _product(matrices, split, i, k) @ _product(matrices, split, k + 1, j)


@function()
def multi_dot(tensors: Any) -> Tensor:
    """Return the product of a list of matrices in the order that needs the fewest multiplications.

    The first may be a vector (a row), and the last (a column).
    """
    matrices = list(tensors)
    row, column = matrices[0].ndim == 1, matrices[-1].ndim == 1
    if row:
        matrices[0] = matrices[0][None, :]
    if column:
        matrices[-1] = matrices[-1][:, None]
    result = chain_matmul(*matrices)
    result = result[:, 0] if column else result
    return result[0] if row else result


@function()
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the dot products of the vectors along a dimension, the first conjugated; the other dimensions broadcast."""
    return (ops.conj(x) * y).sum(dim)


@function()
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the powers 0 to N - 1 of each element along a new last dimension (N: the last size when None).

    >>> import tapegrad as tg
    >>> tg.linalg.vander(tg.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    x = x if x.ndim else x[None]
    count = x.shape[-1] if N is None else N
    if count < 2:
        raise ArgumentError("vander", f"N is {count}", "use at least 2")
    steps = x.unsqueeze(-1).expand(*x.shape, count - 1)
    ones = x.new_ones((*x.shape, 1))
    return ops.cat(ones, ops.cumprod(steps, dim=-1), dim=-1)


# -- systems of equations ---------------------------------------------------------------------------------------------


@function()
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Return X with A X = B (X A = B unless ``left``), reading one triangle of A; with 1 on its diagonal if so told.

    Source: https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
    """
    require_matrix("solve_triangular", A)
    offset = (1 if upper else -1) if unitriangular else 0
    triangle = A.triu(offset) if upper else A.tril(offset)
    if unitriangular:
        triangle = triangle + identity(A)
    return ops.solve_matrix(triangle, B) if left else ops.solve_matrix(triangle.mT, B.mT).mT


@function(methods="cholesky_solve")
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """Return X with L Lᵀ X = ``input`` (Lᵀ L X with ``upper``), given a Cholesky factor L, the second input."""
    L = _factor(input2, upper)
    return ops.solve_matrix(L.mH, ops.solve_matrix(L, input))


@function(methods="cholesky_inverse")
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of L Lᵀ (of Lᵀ L with ``upper``), given a Cholesky factor."""
    inverse = ops.inv(_factor(input, upper))
    return inverse.mH @ inverse


def _factor(L: Tensor, upper: bool) -> Tensor:
    """Return the lower triangular factor; its gradient goes to all elements, as PyTorch's does."""
    triangle = L.detach()
    triangle = triangle.triu() if upper else triangle.tril()
    L = L + (triangle - L.detach())
    return L.mH if upper else L


class LeastSquares(NamedTuple):
    """What :func:`lstsq` returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@function()
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """Return the X of least norm that makes the norm of A X - B smallest, by the pseudo-inverse; it has a gradient.

    ``driver`` names LAPACK's routine, and so what is filled: with all but ``"gelsy"``, the default, the ``residuals``, the
    squared norms of the columns of A X - B where A has more rows than columns and full rank; with all but ``"gels"`` the
    ``rank``; with ``"gelsd"`` and ``"gelss"`` the ``singular_values``. Raises OptionError for another driver, ShapeError
    when the sizes do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
    """
    driver = "gelsy" if driver is None else driver
    if driver not in ("gelsy", "gels", "gelsd", "gelss"):
        raise OptionError("lstsq", f"driver='{driver}' is unknown", "use 'gelsy', 'gels', 'gelsd' or 'gelss'")
    require_matrix("lstsq", A, square=False)
    vector = B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1])
    columns = B[..., None] if vector else B
    if columns.ndim < 2 or columns.shape[-2] != A.shape[-2]:
        raise ShapeError("lstsq", f"shapes {tuple(A.shape)} and {tuple(B.shape)} differ in rows", "make them equal")
    if A.dtype != B.dtype:
        raise DTypeError("lstsq", f"the inputs have dtypes {A.dtype} and {B.dtype}", "make them equal")
    X = pinv(A, rtol=rcond) @ columns
    m, n = A.shape[-2:]
    rank = matrix_rank(A, rtol=rcond)
    residuals = abs(X).reshape(-1)[:0]
    if driver != "gelsy" and m > n and bool((rank == n).all()):
        residuals = (abs(A @ X - columns) ** 2).sum(-2)
    values = svdvals(A).detach() if driver in ("gelsd", "gelss") else A.real.detach().new_zeros(0)
    rank = rank.new_zeros(0) if driver == "gels" else rank
    return LeastSquares(X[..., 0] if vector else X, residuals, rank, values)


@function()
def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """Return how many singular values exceed ``max(atol, rtol * largest)``; ``rtol`` as in :func:`pinv`.

    ``tol`` is an older name of ``atol``. With ``hermitian`` the eigenvalues of the lower triangle count instead.

    >>> import tapegrad as tg
    >>> tg.linalg.matrix_rank(tg.ones(3, 3))
    tensor(1)
    """
    require_matrix("matrix_rank", A, square=hermitian)
    if 0 in A.shape[-2:]:
        return A.new_zeros(A.shape[:-2], dtype=np.int64)
    values = abs(ops.eigh_pair(A.detach(), triangle="L")[0]) if hermitian else svdvals(A.detach())
    absolute, relative = cutoffs(A, tol if tol is not None else atol, 0.0 if tol is not None else rtol)
    return over_cutoff(values, absolute, relative).sum(-1)


@function()
def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number: the ratio of the extreme singular values, or the norm of A times that of its inverse.

    ``p``: None or 2 for the ratio, -2 for its reciprocal, else an ``ord`` of :func:`matrix_norm`.
    """
    if p in (None, 2, -2):
        values = svdvals(A)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    return matrix_norm(A, p) * matrix_norm(ops.inv(A), p)


@function()
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse of the linear map that :func:`tensordot` with the last dimensions of A, from ``ind`` on, is."""
    rows, columns = math.prod(A.shape[:ind]), math.prod(A.shape[ind:])
    if ind <= 0 or rows != columns:
        raise ShapeError(
            "tensorinv", f"shape {tuple(A.shape)} makes a {rows} by {columns} matrix", "choose another ind"
        )
    return ops.inv(A.reshape(rows, columns)).reshape(*A.shape[ind:], *A.shape[:ind])


@function()
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """Return X with ``tensordot(A, X, X.ndim) = B``; the dimensions ``dims`` of A are moved to the end first."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = A.shape[B.ndim :]
    if math.prod(shape) != B.numel():
        raise ShapeError("tensorsolve", f"shapes {tuple(A.shape)} and {tuple(B.shape)} do not fit", "pass dims")
    return ops.solve_matrix(A.reshape(B.numel(), -1), B.reshape(-1, 1)).reshape(shape)


# -- eigenvalues ------------------------------------------------------------------------------------------------------


@function()
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of symmetric matrices in ascending order, with a gradient even where they coincide."""
    return eigh(A, UPLO).eigenvalues


def _adjoint(x):
    """Return the conjugate transposes of matrices."""
    return ops.conj(x.mT) if x.dtype.kind == "c" else x.mT


def _eig_gradient(g, out):
    values, V = out
    if g[1] is None:
        core = ops.diag_embedded(g[0])
    else:
        turn = _adjoint(V) @ g[1]
        length = ops.real(ops.diagonal(turn, offset=0, dim1=-2, dim2=-1))
        # Eigenvectors have length 1: what would stretch them does not count.
        core = (turn - _adjoint(V) @ (V * length[..., None, :])) * ops.conj(ops.inverse_differences(values))
        core = core if g[0] is None else core + ops.diag_embedded(g[0])
    return ops.solve_matrix(_adjoint(V), core @ _adjoint(V))


@primitive(
    vjp=(lambda g: ops.diagonal(g, offset=0, dim1=-2, dim2=-1) * 1,),
    formula=r"\delta_{ij} x_i",
    derivative=r"1",
    samples=lambda: [Sample((3,)), Sample((2, 2))],
    torch="",
)
def diag_embedded(xp, input):
    """Return the diagonal matrices of vectors."""
    return input[..., None] * xp.eye(input.shape[-1], dtype=input.dtype)


@primitive(
    holomorphic=False,
    vjp=(_eig_gradient,),
    formula=r"A V = V \mathrm{diag}(\lambda)",
    derivative=r"V^{-H} (\mathrm{diag}(g_\lambda) + (V^H g_V - V^H V\, \mathrm{Re}\,\mathrm{diag}(V^H g_V)) / E) V^H",
    samples=lambda: [Sample(Spread(3, 3))],
    torch="",
)
def eig_pair(xp, A):
    """Return the complex eigenvalues and eigenvectors of square matrices."""
    require_matrix("eig", A)
    values, vectors = lapack("eig", lambda: xp.linalg.eig(A), "look for nan in the matrix")
    wide = xp.result_type(A.dtype, xp.complex64)
    return values.astype(wide), vectors.astype(wide)


@function()
def eig(A: Tensor) -> Eigen:
    """Return the eigenvalues and eigenvectors (of length 1, as columns) of square matrices: complex, in no particular order.

    The gradient exists where the eigenvalues are distinct, for what does not depend on the phases of the vectors.
    For symmetric matrices :func:`eigh` gives real ones.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.eig.html
    """
    return Eigen(*ops.eig_pair(A))


@function()
def eigvals(A: Tensor) -> Tensor:
    """Return the eigenvalues of square matrices, complex, in no particular order."""
    return eig(A).eigenvalues


# -- the exponential --------------------------------------------------------------------------------------------------


def _exponential_gradient(g, A):
    """The derivative of exp at Aᵀ in the direction g: a block of the exponential of a block matrix."""
    n, t = A.shape[-1], A.mT
    blocks = ops.cat(ops.cat(t, g, dim=-1), ops.cat(t * 0, t, dim=-1), dim=-2)
    return ops.matrix_exp(blocks)[..., :n, n:] * 1


@primitive(
    vjp=(_exponential_gradient,),
    formula=r"\sum_k A^k / k!",
    derivative=r"\exp \begin{pmatrix} A^\top & g \\ 0 & A^\top \end{pmatrix}_{12}",
    samples=lambda: [Sample((3, 3)), Sample((2, 2, 2)), Sample(Array(2, 2, low=-9.0, high=9.0))],
    methods="matrix_exp",
    torch="linalg.matrix_exp",
)
def matrix_exp(xp, A):
    """Return the exponential of each square matrix.

    Padé approximation of order 8 of a matrix scaled to a norm below 1/2, squared back. Source: Golub and Van Loan, "Matrix
    Computations", algorithm 9.3.1.

    >>> import tapegrad as tg
    >>> tg.matrix_exp(tg.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    require_matrix("matrix_exp", A)
    if A.dtype == xp.float16:
        # NumPy solves systems in single precision or better.
        return matrix_exp.kernel(xp, A.astype(xp.float32)).astype(A.dtype)
    size = float(xp.max(xp.sum(xp.abs(A), axis=-1), initial=0.0))
    squarings = max(0, math.frexp(size)[1] + 1)
    X = A * 0.5**squarings
    one = xp.eye(A.shape[-1], dtype=A.dtype)
    power, above, below, factor = one, one, one, 1.0
    for k in range(1, 9):
        factor *= (9 - k) / (k * (17 - k))
        power = X @ power
        above = above + factor * power
        below = below + (-1) ** k * factor * power
    result = xp.linalg.solve(below, above)
    for _ in range(squarings):
        result = result @ result
    return result
