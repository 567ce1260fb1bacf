"""The names of ``torch.linalg``. Source: https://pytorch.org/docs/stable/linalg.html

>>> import tapegrad as tg
>>> tg.linalg.norm(tg.tensor([3.0, 4.0]))
tensor(5.)
"""

from .core import Tensor
from .errors import LinAlgError
from .ops.attempts import cholesky_ex, inv_ex, solve_ex
from .ops.distance import matrix_norm, norm, vector_norm
from .ops.equations import (
    cond,
    cross,
    eig,
    eigvals,
    eigvalsh,
    lstsq,
    matrix_exp,
    matrix_rank,
    multi_dot,
    solve_triangular,
    tensorinv,
    tensorsolve,
    vander,
    vecdot,
)
from .ops.factor import cholesky, eigh, qr, svd, svdvals
from .ops.inverse import det, inv, pinv, slogdet, solve
from .ops.ldl import ldl_factor, ldl_factor_ex, ldl_solve
from .ops.linalg import matmul, matrix_power
from .ops.lu import householder_product, lu, lu_factor, lu_factor_ex, lu_solve

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return a view of the diagonals of the matrices in two dimensions, the last two unless others are named."""
    return A.diagonal(offset, dim1, dim2)
