"""Determinants, inverses and linear systems, by LAPACK, with gradients of any order.

The names and arguments are those of ``torch.linalg``. Source of the gradient rules: M. Giles, "An extended collection of
matrix derivative results for forward and reverse mode algorithmic differentiation" (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive, wrap
from ..errors import DTypeError, LinAlgError, ShapeError

__all__ = ["det", "inverse", "logdet", "slogdet"]


class Definite(Array):
    """A test input: symmetric positive definite matrices."""

    def draw(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        a = rng.uniform(-1.0, 1.0, self.shape)
        return (a @ a.swapaxes(-1, -2) + np.eye(self.shape[-1])).astype(dtype)


class Spread(Array):
    """A test input: matrices whose singular values, and eigenvalues, lie well apart."""

    def draw(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        a = rng.uniform(-0.3, 0.3, self.shape)
        k = min(self.shape[-2:])
        a[..., range(k), range(k)] += np.arange(1.0, k + 1)
        return a.astype(dtype)


def require_matrix(who: str, A: Any, square: bool = True) -> None:
    if A.dtype.kind not in "fc":
        raise DTypeError(who, f"the matrix has dtype {A.dtype}", "make it floating-point, e.g. with .float()")
    if A.ndim < 2:
        raise ShapeError(who, f"shape {tuple(A.shape)} is no matrix", "pass at least two dimensions")
    if square and A.shape[-1] != A.shape[-2]:
        raise ShapeError(
            who,
            f"the matrices are {A.shape[-2]} by {A.shape[-1]} (shape {tuple(A.shape)}), not square",
            f"pass {A.shape[-2]} by {A.shape[-2]}",
        )


def lapack(who: str, call: Callable, fix: str) -> Any:
    """Return ``call()``, with LAPACK's failure told as a LinAlgError."""
    try:
        return call()
    except np.linalg.LinAlgError as error:
        raise LinAlgError(who, str(error)[:1].lower() + str(error)[1:], fix) from None


def identity(A: Tensor) -> Tensor:
    """Return the identity of the size and dtype of square matrices."""
    return wrap(np.eye(A.shape[-1], dtype=A.dtype))


def _adjoint(x):
    """Return the conjugate transposes of matrices."""
    return ops.conj(x.mT) if x.dtype.kind == "c" else x.mT


def _sum_to(x, shape):
    return x if x.shape == shape else ops.sum_to(x, shape=shape)


# -- determinants -----------------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, A: g[..., None, None] * ops.cofactor(A),),
    formula=r"\det A",
    derivative=r"\det(A) A^{-\top}",
    samples=lambda: [Sample((3, 3)), Sample((2, 2, 2)), Sample((1, 1)), Sample((0, 3, 3))],
    errors=lambda: [ErrorSample(ShapeError, "pass 2 by 2", (2, 3))],
    methods="det",
)
def det(xp, A):
    """Return the determinant of each square matrix.

    Its gradient is right for singular matrices too. Raises ShapeError for matrices that are not square.

    >>> import tapegrad as tg
    >>> tg.det(tg.tensor([[2.0, 0.0], [1.0, 3.0]]))
    tensor(6.)
    """
    require_matrix("det", A)
    return xp.linalg.det(A)


@primitive(
    vjp=(
        lambda g, A, out: (
            (ops.sum(g * out, dim=(-2, -1), keepdim=True) * out - out @ g.mT @ out) / ops.det(A)[..., None, None]
        ),
    ),
    formula=r"\det(A) A^{-\top}",
    derivative=r"(\langle g, C \rangle C - C g^\top C) / \det A",
    samples=lambda: [Sample((3, 3)), Sample((2, 2, 2))],
    torch="",
)
def cofactor(xp, A):
    """Return the matrix of cofactors, from the singular values, so that singular matrices have one too."""
    left, values, right = xp.linalg.svd(A)
    itself = xp.eye(A.shape[-1], dtype=bool)
    others = xp.prod(xp.where(itself, xp.ones((), values.dtype), values[..., None, :]), axis=-1)
    sign = xp.linalg.det(left) * xp.linalg.det(right)
    return sign[..., None, None] * ((left * others[..., None, :]) @ right).conj()


def _slogdet_gradient(g, A, out):
    weight = g[1]
    if A.dtype.kind == "c" and g[0] is not None:
        turn = ops.imag(ops.conj(g[0]) * out[0]) * -1j
        weight = turn if weight is None else weight + turn
    return None if weight is None else weight[..., None, None] * _adjoint(ops.inv(A))


@primitive(
    holomorphic=False,
    vjp=(_slogdet_gradient,),
    formula=r"\mathrm{sign} \det A, \ln |\det A|",
    derivative=r"A^{-\top}",
    samples=lambda: [Sample((3, 3)), Sample((2, 2, 2))],
    torch="linalg.slogdet",
)
def slogdet_pair(xp, A):
    """Return the sign of the determinant and the logarithm of its magnitude."""
    require_matrix("slogdet", A)
    sign, logarithm = xp.linalg.slogdet(A)
    return xp.asarray(sign), xp.asarray(logarithm)


class SignLogDet(NamedTuple):
    """What :func:`slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


@function(methods="slogdet")
def slogdet(A: Tensor) -> SignLogDet:
    """Return the sign of the determinant, and the natural logarithm of its magnitude, which neither over- nor underflows.

    >>> import tapegrad as tg
    >>> tg.slogdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]])).sign
    tensor(-1.)
    """
    return SignLogDet(*ops.slogdet_pair(A))


@function(methods="logdet")
def logdet(A: Tensor) -> Tensor:
    """Return the natural logarithm of the determinant: -inf where it is 0, nan where it is negative."""
    sign, logarithm = ops.slogdet_pair(A)
    if A.dtype.kind == "c":
        return logarithm + ops.log(sign)
    return ops.where(sign < 0, float("nan"), logarithm)


# -- inverses and linear systems --------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, out: -(out.mT @ g @ out.mT),),
    formula=r"A^{-1}",
    derivative=r"-A^{-\top} g A^{-\top}",
    samples=lambda: [Sample(Definite(3, 3)), Sample(Spread(2, 3, 3)), Sample((0, 0))],
    errors=lambda: [
        ErrorSample(ShapeError, "not square", (2, 3)),
        ErrorSample(LinAlgError, "singular matrix", Array(2, 2, low=0.0, high=0.0)),
    ],
    methods="inverse",
    torch="linalg.inv",
)
def inv(xp, A):
    """Return the inverse of each square matrix. To solve A X = B, :func:`tapegrad.linalg.solve` is faster and more exact.

    Raises ShapeError for matrices that are not square, LinAlgError for singular ones.

    >>> import tapegrad as tg
    >>> tg.linalg.inv(tg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    require_matrix("inv", A)
    return lapack("inv", lambda: xp.linalg.inv(A), "use linalg.pinv(), or add a small multiple of the identity")


inverse = inv


def _solve_gradients(g, A, out, A_shape, B_shape):
    gradient = ops.solve_matrix(A.mT, g)
    return _sum_to(-(gradient @ out.mT), A_shape), _sum_to(gradient, B_shape)


@primitive(
    promote="same",
    vjp=_solve_gradients,
    formula=r"A^{-1} B",
    derivative=r"-A^{-\top} g X^\top, A^{-\top} g",
    samples=lambda: [
        Sample(Definite(3, 3), (3, 2)),
        Sample(Spread(2, 1, 3, 3), (4, 3, 2)),
        Sample(Definite(3, 3), (2, 3, 0)),
    ],
    torch="linalg.solve",
)
def solve_matrix(xp, A, B):
    """Return the matrix X with A X = B."""
    return lapack("solve", lambda: xp.linalg.solve(A, B), "use linalg.lstsq(), or add a small multiple of the identity")


@function()
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return X with A X = B, or with X A = B when ``left`` is False; B holds matrices, or one vector per matrix.

    Raises ShapeError when the sizes do not fit, LinAlgError when A is singular.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.solve.html

    >>> import tapegrad as tg
    >>> tg.linalg.solve(tg.tensor([[2.0, 0.0], [0.0, 4.0]]), tg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    require_matrix("solve", A)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    X = B[..., None] if vector else B
    rows = X.shape[-2] if left or vector else X.shape[-1]
    if rows != A.shape[-1]:
        raise ShapeError(
            "solve",
            f"A is {A.shape[-1]} by {A.shape[-1]}, B has shape {tuple(B.shape)}, which means {rows} equations",
            f"B should have {A.shape[-1]} {'rows' if left else 'columns'}",
        )
    if left or vector:
        result = ops.solve_matrix(A if left else A.mT, X)
    else:
        result = ops.solve_matrix(A.mT, X.mT).mT
    return result[..., 0] if vector else result


def _pinv_gradient(g, A, out):
    """Golub and Pereyra's derivative of the pseudo-inverse, transposed."""
    turned, gh = _adjoint(out), _adjoint(g)
    rows = gh @ out @ turned
    columns = turned @ out @ gh
    return rows - A @ (out @ rows) + columns - (columns @ out) @ A - turned @ g @ turned


@primitive(
    holomorphic=False,
    vjp=(_pinv_gradient, None, None),
    formula=r"A^+",
    derivative=r"-P^\top g P^\top + (I - A P) g^\top P P^\top + P^\top P g^\top (I - P A)",
    samples=lambda: [
        Sample(Spread(4, 3), 0.0, 1e-12),
        Sample(Spread(2, 2, 3), Array(2, 1, low=0.0, high=1e-6), 1e-12),
        Sample(Spread(3, 3), 1e-6, 0.0),
    ],
    torch="",
)
def pseudo_inverse(xp, A, absolute, relative, *, hermitian=False):
    """Return the pseudo-inverse of each matrix; singular values count as 0 up to a bound, or to a part of the largest.

    ``hermitian``: from the eigenvalues of the lower triangle.
    """
    if A.size == 0:
        return xp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    if hermitian:
        values, left = lapack("pinv", lambda: xp.linalg.eigh(A, "L"), "look for nan in the matrix")
        right = left
    else:
        left, values, right = lapack(
            "pinv", lambda: xp.linalg.svd(A, full_matrices=False), "look for nan in the matrix"
        )
        right = right.conj().mT
    size = xp.abs(values)
    kept = size > xp.maximum(xp.max(size, axis=-1, keepdims=True) * relative, absolute)
    inverse = kept / xp.where(kept, values, xp.ones((), values.dtype))
    return (right * inverse[..., None, :]).astype(A.dtype) @ left.conj().mT


@function()
def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """Return the Moore-Penrose pseudo-inverse of each matrix.

    Singular values up to ``max(atol, rtol * largest)`` count as 0, numbers or tensors of one for each matrix; ``rtol`` is the
    larger size times the dtype's epsilon unless either is given; ``rcond`` is its older name. ``hermitian`` says that A is
    symmetric up to conjugation: its lower triangle alone is read.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.pinv.html
    """
    require_matrix("pinv", A, square=hermitian)
    absolute, relative = cutoffs(A, atol, rcond if rtol is None else rtol)
    return ops.pseudo_inverse(A, absolute, relative, hermitian=hermitian)


def over_cutoff(values: Tensor, absolute: Any, relative: Any) -> Tensor:
    """Return which magnitudes, along the last dimension, exceed both the bound and the part of the largest."""
    return (values > absolute) & (values > values.amax(-1, True) * relative)


def cutoffs(A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Return up to where singular values count as 0: absolutely, and as a part of the largest."""
    absolute = 0.0 if atol is None else atol
    absolute = absolute[..., None] if isinstance(absolute, Tensor) else absolute
    if rtol is not None:
        return absolute, rtol[..., None] if isinstance(rtol, Tensor) else rtol
    default = max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    if isinstance(absolute, Tensor):
        return absolute, ops.where(absolute > 0, 0.0, default)
    return absolute, 0.0 if absolute > 0 else default
