"""Factors L D Lᵀ of symmetric matrices that need not be definite, with pivots of one or two rows.

Source: J. R. Bunch and L. Kaufman, "Some stable methods for calculating inertia and solving symmetric linear systems",
Mathematics of Computation 31 (1977), 163-179; pivots are counted as LAPACK's ``sytrf`` does.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core import Array, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, LinAlgError, ShapeError
from .inverse import Definite, require_matrix

__all__: list[str] = []

_ALPHA = (1 + math.sqrt(17)) / 8


def _size(x: Any) -> Any:
    return abs(x.real) + abs(x.imag)


def _choose(A: Any, k: int) -> tuple[int, int]:
    """Return the row to bring to the front of the rest of A, and whether one row or two are a pivot."""
    diagonal, below = _size(A[k, k]), _size(A[k + 1 :, k])
    largest = below.max(initial=0.0)
    if diagonal >= _ALPHA * largest:
        return k, 1
    row = k + 1 + int(below.argmax())
    across = max(_size(A[row, k:row]).max(), _size(A[row + 1 :, row]).max(initial=0.0))
    if diagonal * across >= _ALPHA * largest * largest:
        return k, 1
    return row, 1 if _size(A[row, row]) >= _ALPHA * across else 2


def _exchange(A: Any, k: int, step: int, row: int, conjugate: bool) -> None:
    """Exchange two rows, and the same columns, of the lower triangle from column k on."""
    front = k + step - 1
    if row == front:
        return
    A[row + 1 :, [front, row]] = A[row + 1 :, [row, front]]
    down, across = A[front + 1 : row, front].copy(), A[row, front + 1 : row].copy()
    A[front + 1 : row, front], A[row, front + 1 : row] = (across.conj(), down.conj()) if conjugate else (across, down)
    if conjugate:
        A[row, front] = A[row, front].conj()
    A[[front, row], [front, row]] = A[[row, front], [row, front]]
    if step == 2:
        A[[k + 1, row], k] = A[[row, k + 1], k]


def _factor(A: Any, hermitian: bool) -> tuple[Any, Any, int]:
    """Return the compact factors of one matrix, the pivots, and the number of the first zero on the diagonal of D."""
    A, n = A.copy(), len(A)
    turn = (lambda x: x.conj()) if hermitian else (lambda x: x)
    pivots, info, k = np.zeros(n, np.int32), 0, 0
    while k < n:
        if hermitian:
            A[k, k] = A[k, k].real
        row, step = _choose(A, k)
        if step == 1 and row == k and A[k, k] == 0:
            info = info or k + 1
            pivots[k] = k + 1
            k += 1
            continue
        _exchange(A, k, step, row, hermitian)
        block, rest = A[k : k + step, k : k + step], A[k + step :, k : k + step]
        if step == 2:
            block[0, 1] = turn(block[1, 0])
        scaled = np.linalg.solve(block.T, rest.T).T
        A[k + step :, k + step :] -= scaled @ turn(rest).T
        A[k + step :, k : k + step] = scaled
        pivots[k : k + step] = row + 1 if step == 1 else -(row + 1)
        k += step
    return np.tril(A), pivots, info


@primitive(
    formula=r"P L D L^\top P^\top = A",
    samples=lambda: [Sample(Definite(3, 3)), Sample(Definite(2, 2, 2))],
    torch="",
)
def ldl_compact(xp, A, *, hermitian=False):
    """Return D and, below it, L; the rows exchanged; and the number of the first zero on the diagonal of D, or 0."""
    require_matrix("ldl_factor", A)
    flat = A.reshape(-1, *A.shape[-2:]) if A.size else xp.zeros((0, *A.shape[-2:]), A.dtype)
    found = [_factor(matrix, hermitian) for matrix in flat]
    LD, pivots = xp.zeros(flat.shape, A.dtype), xp.zeros(flat.shape[:-1], xp.int32)
    info = xp.zeros(len(flat), xp.int32)
    for i, (compact, rows, zero) in enumerate(found):
        LD[i], pivots[i], info[i] = compact, rows, zero
    if not A.size:
        return xp.zeros(A.shape, A.dtype), xp.zeros(A.shape[:-1], xp.int32), xp.zeros(A.shape[:-2], xp.int32)
    return LD.reshape(A.shape), pivots.reshape(A.shape[:-1]), info.reshape(A.shape[:-2])


def _steps(pivots: Any) -> list[tuple[int, int, int]]:
    """Return for each pivot its first row, how many it has, and the row that was exchanged with its last."""
    found, k = [], 0
    while k < len(pivots):
        step = 1 if pivots[k] > 0 else 2
        found.append((k, step, abs(int(pivots[k])) - 1))
        k += step
    return found


def _solve(LD: Any, pivots: Any, B: Any, hermitian: bool) -> Any:
    X, steps = B.copy(), _steps(pivots)
    turn = (lambda x: x.conj()) if hermitian else (lambda x: x)
    for k, step, row in steps:
        last, end = k + step - 1, k + step
        X[[last, row]] = X[[row, last]] if row != last else X[[last, row]]
        X[end:] -= LD[end:, k:end] @ X[k:end]
        block = LD[k:end, k:end].copy()
        if step == 2:
            block[0, 1] = turn(block[1, 0])
        with np.errstate(all="ignore"):
            X[k:end] = X[k:end] / block if step == 1 else np.linalg.solve(block, X[k:end])
    for k, step, row in reversed(steps):
        last, end = k + step - 1, k + step
        X[k:end] -= turn(LD[end:, k:end]).T @ X[end:]
        X[[last, row]] = X[[row, last]] if row != last else X[[last, row]]
    return X


def _solve_gradient(g, LD, pivots, hermitian):
    if hermitian or g.dtype.kind != "c":
        return ops.ldl_solution(LD, pivots, g, hermitian=hermitian)
    return ops.conj(ops.ldl_solution(LD, pivots, ops.conj(g)))


def _solve_samples():
    yield Sample(Array(3, 3, low=1.0, high=2.0), np.array([1, 3, 3], np.int32), (3, 2))


@primitive(
    holomorphic=False,
    vjp=(None, None, _solve_gradient),
    formula=r"A^{-1} B",
    derivative=r"A^{-1} g",
    samples=_solve_samples,
    torch="",
)
def ldl_solution(xp, LD, pivots, B, *, hermitian=False):
    """Return X with A X = B, given the factors of A; B has A's batch dimensions."""
    out = xp.zeros(B.shape, B.dtype)
    for place in xp.ndindex(B.shape[:-2]):
        out[place] = _solve(LD[place], pivots[place], B[place], hermitian)
    return out


class LDL(NamedTuple):
    """What :func:`ldl_factor` returns."""

    LD: Tensor
    pivots: Tensor


class LDLEx(NamedTuple):
    """What :func:`ldl_factor_ex` returns."""

    LD: Tensor
    pivots: Tensor
    info: Tensor


@function()
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> LDLEx:
    """Return :func:`ldl_factor`, and the number of the first zero on the diagonal of D, or 0; it is an error if so told."""
    LD, pivots, info = ops.ldl_compact(A.detach(), hermitian=hermitian)
    if check_errors:
        _refuse("ldl_factor_ex", info)
    return LDLEx(LD, pivots, info)


def _refuse(who: str, info: Tensor) -> None:
    if bool((info > 0).any()):
        place = int(info.reshape(-1).amax().item())
        raise LinAlgError(who, f"D[{place}, {place}] is 0, counted from 1", "add a small multiple of the identity")


@function()
def ldl_factor(A: Tensor, *, hermitian: bool = False) -> LDL:
    """Return the factors of a symmetric matrix, or with ``hermitian`` of one that is so up to conjugation; no gradient.

    D, of blocks of one or two rows, is on the diagonal of ``LD``, L below it; ``pivots`` are LAPACK's. Only the lower
    triangle is read. Source: https://pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html

    >>> import tapegrad as tg
    >>> tg.linalg.ldl_factor(tg.tensor([[2.0, 1.0], [1.0, 2.0]])).LD
    tensor([[2.0000, 0.0000],
            [0.5000, 1.5000]])
    """
    LD, pivots, info = ldl_factor_ex(A, hermitian=hermitian)
    _refuse("ldl_factor", info)
    return LDL(LD, pivots)


@function()
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """Return X with A X = B from A's :func:`ldl_factor`; it has a gradient for B.

    Raises ShapeError when the sizes do not fit, DTypeError unless the pivots are integers.
    """
    require_matrix("ldl_solve", LD)
    size = int(LD.shape[-1])
    if B.ndim < 2 or B.shape[-2] != size or pivots.shape != LD.shape[:-1]:
        raise ShapeError(
            "ldl_solve",
            f"LD has shape {tuple(LD.shape)}, the pivots {tuple(pivots.shape)}, B {tuple(B.shape)}",
            "pass ldl_factor()'s results, and B with as many rows",
        )
    if pivots.dtype.kind != "i" or LD.dtype != B.dtype:
        raise DTypeError(
            "ldl_solve",
            f"the dtypes are {LD.dtype}, {pivots.dtype}, {B.dtype}",
            "pass int32 pivots, and B in LD's dtype",
        )
    batch = np.broadcast_shapes(tuple(LD.shape[:-2]), tuple(B.shape[:-2]))
    LD, pivots = LD.expand(*batch, size, size), pivots.expand(*batch, size)
    return ops.ldl_solution(LD, pivots, B.expand(*batch, *B.shape[-2:]), hermitian=hermitian)
