"""Triangular factors by elimination with pivots, systems solved with them, and products of Householder's reflections.

Source of the gradient rule: the transpose of the derivative in https://arxiv.org/abs/1710.08717 (M. Seeger et al.,
"Auto-differentiating linear algebra"), extended to matrices that are not square.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core import Array, Sample, Tensor, function, ops, primitive, wrap
from ..errors import DTypeError, LinAlgError, OptionError, ShapeError
from .inverse import Spread, require_matrix

__all__ = ["geqrf", "lu_unpack", "orgqr", "ormqr"]


# -- elimination ------------------------------------------------------------------------------------------------------


def _swap_rows(xp, matrices, k, chosen):
    """Exchange row k of each matrix with the row that is chosen for it."""
    every = xp.arange(len(matrices))
    rows = matrices[every, chosen]
    matrices[every, chosen] = matrices[:, k]
    matrices[:, k] = rows


def eliminate(xp: Any, A: Any) -> tuple[Any, Any]:
    """Return the compact factors of (batch, m, n) matrices, and the row that each step exchanged, from 0."""
    LU = xp.array(A)
    count = min(LU.shape[-2:])
    pivots = xp.zeros((len(LU), count), dtype=xp.int64)
    with xp.errstate(all="ignore"):
        for k in range(count):
            sizes = xp.abs(LU[:, k:, k].real) + xp.abs(LU[:, k:, k].imag)
            pivots[:, k] = k + xp.argmax(sizes, axis=-1) if len(LU) else 0
            _swap_rows(xp, LU, k, pivots[:, k])
            head = LU[:, k, k]
            scale = xp.where(head == 0, xp.ones_like(head), head)
            LU[:, k + 1 :, k] /= scale[:, None]
            LU[:, k + 1 :, k + 1 :] -= LU[:, k + 1 :, k, None] * LU[:, k, None, k + 1 :]
    return LU, pivots


def _permutation(xp, pivots, size, dtype):
    """Return the matrices P that bring the rows of L U back, for (batch, k) pivots."""
    P = xp.zeros((len(pivots), size, size), dtype)
    P[:] = xp.eye(size, dtype=dtype)
    for k in range(pivots.shape[-1]):
        _swap_rows(xp, P, k, pivots[:, k])
    return P.mT


@primitive(
    vjp=(lambda g: ops.tril(g, diagonal=-1),),
    formula=r"\mathrm{tril}(x, -1) + I",
    derivative=r"1",
    samples=lambda: [Sample((3, 3)), Sample((2, 4, 2)), Sample((2, 3))],
    torch="",
)
def unit_lower(xp, input):
    """Return the part of each matrix below the diagonal, and ones on that."""
    return xp.tril(input, -1) + xp.eye(*input.shape[-2:], dtype=input.dtype)


def _lu_gradient(g, out):
    """The gradient of A = P L U from that of L, below the diagonal of ``g``, and of U, on and above it."""
    if g[0] is None:
        return None
    compact, P = out[0], out[1]
    k = min(compact.shape[-2:])
    L, U = ops.unit_lower(compact[..., :k, :k]), ops.triu(compact[..., :k, :k])
    corner = g[0][..., :k, :k]
    below, above = L.mT @ ops.tril(corner, diagonal=-1), ops.triu(corner) @ U.mT
    under, beside = g[0][..., k:, :], g[0][..., :, k:]
    if under.shape[-2]:
        above = above - compact[..., k:, :].mT @ under
    if beside.shape[-1]:
        below = below - beside @ compact[..., :, k:].mT
    inner = ops.solve_matrix(L.mT, ops.tril(below, diagonal=-1) + ops.triu(above))
    result = ops.solve_matrix(U, inner.mT).mT
    if under.shape[-2]:
        result = ops.cat(result, ops.solve_matrix(U, under.mT).mT, dim=-2)
    if beside.shape[-1]:
        result = ops.cat(result, ops.solve_matrix(L.mT, beside), dim=-1)
    return P @ result


@primitive(
    vjp=(_lu_gradient,),
    formula=r"P L U = A",
    derivative=r"P L^{-\top} (\mathrm{tril}(L^\top g_L, -1) + \mathrm{triu}(g_U U^\top)) U^{-\top}",
    samples=lambda: [Sample(Spread(3, 3)), Sample(Spread(2, 4, 2)), Sample(Spread(2, 4))],
    torch="",
)
def lu_compact(xp, A):
    """Return U and, below its diagonal, L; the permutation matrix P; the rows exchanged, and the first zero pivot, from 1."""
    require_matrix("lu", A, square=False)
    batch, (m, n) = A.shape[:-2], A.shape[-2:]
    LU, pivots = eliminate(xp, A.reshape(math.prod(batch), m, n))
    zero = xp.diagonal(LU, axis1=-2, axis2=-1) == 0
    info = xp.where(zero.any(-1), zero.argmax(-1) + 1, 0) if zero.shape[-1] else xp.zeros(len(LU))
    P = _permutation(xp, pivots, m, A.dtype)
    pivots = (pivots + 1).astype(xp.int32).reshape(*batch, min(m, n))
    return LU.reshape(A.shape), P.reshape(*batch, m, m), pivots, info.astype(xp.int32).reshape(batch)


@primitive(
    formula=r"P",
    samples=lambda: [Sample(Array(2, low=1, high=2, dtype="int32"), size=3, dtype="float64")],
    torch="",
)
def pivot_matrix(xp, pivots, *, size, dtype):
    """Return the permutation matrix of the rows exchanged one after another, counted from 1."""
    batch, count = pivots.shape[:-1], pivots.shape[-1]
    P = _permutation(xp, pivots.reshape(math.prod(batch), count).astype(xp.int64) - 1, size, dtype)
    return P.reshape(*batch, size, size)


class LUFactor(NamedTuple):
    """What :func:`lu_factor` returns."""

    LU: Tensor
    pivots: Tensor


class LUFactorEx(NamedTuple):
    """What :func:`lu_factor_ex` returns."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


class PLU(NamedTuple):
    """What :func:`lu` and :func:`lu_unpack` return."""

    P: Tensor
    L: Tensor
    U: Tensor


def _need_pivots(who: str, pivot: bool) -> None:
    if not pivot:
        raise OptionError(who, "pivot=False is not offered", "leave it out: without pivots the result may be useless")


@function()
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> LUFactorEx:
    """Return :func:`lu_factor`, and the number of the first pivot that is 0, or 0; that is no error unless so told."""
    _need_pivots("lu_factor_ex", pivot)
    LU, _, pivots, info = ops.lu_compact(A)
    if check_errors:
        _refuse_singular("lu_factor_ex", info)
    return LUFactorEx(LU, pivots, info)


def _refuse_singular(who: str, info: Tensor) -> None:
    if bool((info > 0).any()):
        first = int(info.reshape(-1).amax().item())
        raise LinAlgError(
            who, f"U[{first}, {first}] is 0, counted from 1", "use lu_factor_ex() to have it all the same"
        )


@function()
def lu_factor(A: Tensor, *, pivot: bool = True) -> LUFactor:
    """Return the factors of A = P L U in one matrix, L below the diagonal, and the rows exchanged, counted from 1.

    Raises LinAlgError for singular square matrices.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html

    >>> import tapegrad as tg
    >>> tg.linalg.lu_factor(tg.tensor([[1.0, 2.0], [2.0, 0.0]])).LU
    tensor([[2.0000, 0.0000],
            [0.5000, 2.0000]])
    """
    LU, pivots, info = lu_factor_ex(A, pivot=pivot)
    _refuse_singular("lu_factor", info)
    return LUFactor(LU, pivots)


def _parts(LU: Tensor) -> tuple[Tensor, Tensor]:
    k = min(LU.shape[-2:])
    return ops.unit_lower(LU[..., :k]), ops.triu(LU[..., :k, :])


@function()
def lu(A: Tensor, *, pivot: bool = True) -> PLU:
    """Return P, L, U with A = P L U: a permutation, ones on the diagonal of L, zeros below that of U.

    Source: https://pytorch.org/docs/stable/generated/torch.linalg.lu.html

    >>> import tapegrad as tg
    >>> tg.linalg.lu(tg.tensor([[1.0, 2.0], [2.0, 0.0]])).U
    tensor([[2., 0.],
            [0., 2.]])
    """
    _need_pivots("lu", pivot)
    LU, P, _, _ = ops.lu_compact(A)
    return PLU(P.detach(), *_parts(LU))


@function(methods="lu", name="lu_classic")
def lu_classic(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """Return :func:`lu_factor`'s results, which may be singular; with ``get_infos`` where."""
    _need_pivots("lu", pivot)
    LU, pivots, info = lu_factor_ex(A)
    return LUFactorEx(LU, pivots, info) if get_infos else (LU, pivots)


@function()
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> PLU:
    """Return P, L, U from the results of :func:`tapegrad.linalg.lu_factor`; empty where they are not to be unpacked.

    Raises DTypeError unless the pivots are int32.
    """
    if LU_pivots.dtype != np.int32:
        raise DTypeError("lu_unpack", f"the pivots have dtype {LU_pivots.dtype}", "convert them with .int()")
    empty = LU_data.new_zeros(0)
    P = ops.pivot_matrix(LU_pivots, size=int(LU_data.shape[-2]), dtype=LU_data.dtype) if unpack_pivots else empty
    return PLU(P, *(_parts(LU_data) if unpack_data else (empty, empty)))


@function()
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """Return X with A X = B, or X A = B unless ``left``, from A's :func:`lu_factor`; ``adjoint``: of A's adjoint instead.

    Raises ShapeError when the sizes do not fit.
    """
    require_matrix("lu_solve", LU)
    size = int(LU.shape[-1])
    if B.ndim < 2 or B.shape[-2 if left else -1] != size:
        raise ShapeError("lu_solve", f"A is {size} by {size}, B has shape {tuple(B.shape)}", "make B's size fit")
    if pivots.dtype != np.int32:
        raise DTypeError("lu_solve", f"the pivots have dtype {pivots.dtype}", "convert them with .int()")
    if pivots.shape[-1] != size:
        raise ShapeError(
            "lu_solve", f"A is {size} by {size}, there are {pivots.shape[-1]} pivots", "pass lu_factor()'s"
        )
    if not left:
        return lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    P = ops.pivot_matrix(pivots, size=size, dtype=LU.dtype)
    L, U = _parts(LU)
    if adjoint:
        return P @ ops.solve_matrix(L.mH, ops.solve_matrix(U.mH, B))
    return ops.solve_matrix(U, ops.solve_matrix(L, P.mT @ B))


@function(methods="lu_solve", name="lu_solve_classic")
def lu_solve_classic(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """Return :func:`tapegrad.linalg.lu_solve` with the right side first."""
    return lu_solve(LU_data, LU_pivots, input)


# -- reflections ------------------------------------------------------------------------------------------------------


class GEQRF(NamedTuple):
    """What :func:`geqrf` returns."""

    a: Tensor
    tau: Tensor


@primitive(formula=r"H_1 \cdots H_k R = A", samples=lambda: [Sample((3, 2)), Sample((2, 2, 3))], torch="")
def reflections(xp, input):
    """Return R and, below its diagonal, Householder's vectors; and the numbers that their reflections are scaled by."""
    require_matrix("geqrf", input, square=False)
    turned, tau = xp.linalg.qr(input, mode="raw")
    return xp.array(turned.mT), tau


@function(methods="geqrf")
def geqrf(input: Tensor) -> GEQRF:
    """Return what LAPACK's QR factorisation leaves, for :func:`orgqr` and :func:`ormqr`; it has no gradient."""
    return GEQRF(*ops.reflections(input))


def _check_reflections(who: str, A: Tensor, tau: Tensor) -> None:
    require_matrix(who, A, square=False)
    if A.dtype != tau.dtype:
        raise DTypeError(who, f"the inputs have dtypes {A.dtype} and {tau.dtype}", "make them equal")
    if tau.ndim != A.ndim - 1 or tau.shape[:-1] != A.shape[:-2] or tau.shape[-1] > A.shape[-1]:
        raise ShapeError(
            who, f"tau has shape {tuple(tau.shape)}, the vectors {tuple(A.shape)}", "pass geqrf()'s results"
        )


def _reflected(V: Tensor, tau: Tensor, C: Tensor, order: Any) -> Tensor:
    """Return C, reflected by one vector after another."""
    for i in order:
        v = V[..., i : i + 1]
        C = C - v @ (v.mH @ C) * tau[..., i, None, None]
    return C


@function()
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """Return the first columns of the product of Householder's reflections, whose vectors lie below the diagonal of A.

    Raises ShapeError when A has more columns than rows, or ``tau`` does not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.householder_product.html
    """
    _check_reflections("householder_product", A, tau)
    m, n = A.shape[-2:]
    if m < n:
        raise ShapeError(
            "householder_product", f"the vectors have shape {tuple(A.shape)}", "pass at least as many rows"
        )
    first = wrap(np.eye(m, n, dtype=A.dtype)).expand(*A.shape[:-2], m, n)
    first = ops.where(first == first, first, A)
    return _reflected(ops.unit_lower(A), tau, first, reversed(range(tau.shape[-1])))


@function(methods="orgqr")
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """Return :func:`tapegrad.linalg.householder_product`."""
    return householder_product(input, input2)


@function(methods="ormqr")
def ormqr(input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Return Q times a matrix, for the whole product Q of Householder's reflections in ``input``; or its adjoint times it.

    ``input2`` are the reflections' scales, ``input3`` is the matrix. Unless ``left``, Q comes after it. Raises ShapeError
    when the sizes do not fit.
    """
    tau, other = input2, input3
    _check_reflections("ormqr", input, tau)
    if other.ndim != input.ndim or other.shape[-2 if left else -1] != input.shape[-2]:
        raise ShapeError("ormqr", f"shapes {tuple(input.shape)} and {tuple(other.shape)} do not fit", "make them fit")
    if not left:
        return ormqr(input, tau, other.mH, True, not transpose).mH
    V, count = ops.unit_lower(input), tau.shape[-1]
    if transpose:
        return _reflected(V, ops.conj(tau), other, range(count))
    return _reflected(V, tau, other, reversed(range(count)))
