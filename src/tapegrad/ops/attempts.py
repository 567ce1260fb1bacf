"""Factorisations that report failure beside the result instead of raising."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..core import Tensor, ops, wrap
from ..core import function as register
from ..errors import LinAlgError
from .factor import cholesky
from .inverse import identity, inv, require_matrix, solve
from .lu import eliminate

__all__: list[str] = []


class CholeskyEx(NamedTuple):
    """What :func:`cholesky_ex` returns."""

    L: Tensor
    info: Tensor


class InverseEx(NamedTuple):
    """What :func:`inv_ex` returns."""

    inverse: Tensor
    info: Tensor


class SolveEx(NamedTuple):
    """What :func:`solve_ex` returns."""

    result: Tensor
    info: Tensor


def _attempt(A: Tensor, call: Callable, first_failure: Callable, check: bool) -> tuple[Tensor, Tensor]:
    """Return ``call(A)``, with nan for the matrices that it fails for, and where each of them fails, counted from 1."""
    try:
        return call(A), wrap(np.zeros(A.shape[:-2], np.int32))
    except LinAlgError:
        if check:
            raise
    flat = np.asarray(A.detach()).reshape(-1, *A.shape[-2:])
    info = np.array([first_failure(matrix) for matrix in flat], np.int32).reshape(A.shape[:-2])
    failed = wrap((info > 0)[..., None, None])
    return ops.where(failed, float("nan"), call(ops.where(failed, identity(A), A))), wrap(info)


def _first_minor(A: np.ndarray) -> int:
    """Return the size of the first leading minor that is not positive, or 0: a Cholesky factorisation by columns."""
    L = np.tril(A)
    for k in range(len(L)):
        rest = L[k, k].real - np.vdot(L[k, :k], L[k, :k]).real
        if not rest > 0:
            return k + 1
        L[k, k] = np.sqrt(rest)
        L[k + 1 :, k] = (L[k + 1 :, k] - L[k + 1 :, :k] @ L[k, :k].conj()) / L[k, k]
    return 0


def _first_zero(A: np.ndarray) -> int:
    zero = np.diagonal(eliminate(np, A[None])[0][0]) == 0
    return int(zero.argmax()) + 1 if zero.any() else 0


@register()
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> CholeskyEx:
    """Return :func:`cholesky`, and for each matrix 0, or the size of the leading minor that is not positive definite.

    Where that is so the factor is nan; with ``check_errors`` LinAlgError is raised.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.cholesky_ex.html

    >>> import tapegrad as tg
    >>> tg.linalg.cholesky_ex(tg.tensor([[1.0, 2.0], [2.0, 1.0]])).info
    tensor(2, dtype=int32)
    """
    require_matrix("cholesky_ex", A)
    source = (lambda a: a.T.conj()) if upper else (lambda a: a)
    result = _attempt(A, lambda M: cholesky(M, upper=upper), lambda a: _first_minor(source(a)), check_errors)
    return CholeskyEx(*result)


@register()
def inv_ex(A: Tensor, *, check_errors: bool = False) -> InverseEx:
    """Return :func:`inv`, and for each matrix 0, or the number of the first pivot that is 0: the inverse is nan then.

    With ``check_errors`` LinAlgError is raised.
    """
    require_matrix("inv_ex", A)
    return InverseEx(*_attempt(A, inv, _first_zero, check_errors))


@register()
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> SolveEx:
    """Return :func:`solve`, and for each matrix 0, or the number of the first pivot that is 0: the result is nan then.

    With ``check_errors`` LinAlgError is raised.
    """
    require_matrix("solve_ex", A)
    try:
        return SolveEx(solve(A, B, left=left), wrap(np.zeros(A.shape[:-2], np.int32)))
    except LinAlgError:
        if check_errors:
            raise
    inverse, info = inv_ex(A)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    columns = B[..., None] if vector else B
    result = inverse @ columns if left else columns @ inverse
    return SolveEx(result[..., 0] if vector else result, info)
