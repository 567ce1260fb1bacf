"""Norms, distances and covariances: safe at zero, where a composition's gradient would be nan."""

from __future__ import annotations

import math
from typing import Any

from ..core import Sample, Tensor, function, ops, primitive, result_type
from ..errors import DTypeError, OptionError, ShapeError
from .buffers import add_up, into

__all__ = ["cdist", "corrcoef", "cov", "dist", "matrix_norm", "vector_norm"]

_EUCLID_MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


# -- vector norms -----------------------------------------------------------------------------------------------------


def _p_norm_gradient(g, input, out, p, dim, keepdim):
    """The gradient g · sign(x) · |x/n|^(p-1), with 0 where the norm n is 0."""
    inverse = (out != 0) / (out + (out == 0))
    if p == 2:
        return input * ops.expand_reduced(g * inverse, shape=input.shape, dim=dim, keepdim=keepdim)
    ratio = input * ops.expand_reduced(inverse, shape=input.shape, dim=dim, keepdim=keepdim)
    size = ops.abs(ratio)
    power = (size + (size == 0)) ** (p - 1) * (size != 0) if p < 2 else size ** (p - 1)
    return ops.expand_reduced(g, shape=input.shape, dim=dim, keepdim=keepdim) * ops.sign(ratio) * power


@primitive(
    vjp=(_p_norm_gradient,),
    formula=r"\left(\sum_i |x_i|^p\right)^{1/p}",
    derivative=r"\mathrm{sign}(x) (|x| / \|x\|_p)^{p-1}",
    onnx="ReduceL2",
    samples=lambda: [
        Sample((3, 4), p=2.0),
        Sample((3, 4), p=2.0, dim=1),
        Sample((2, 3, 2), p=2.0, dim=(0, 2), keepdim=True),
        Sample((3, 4), p=3.0, dim=-1),
        Sample((3, 4), p=2.5),
        Sample((3, 2), p=1.5, dim=0),
        Sample((), p=2.0),
        Sample((0, 3), p=2.0, dim=0),
    ],
    torch="",
)
def p_norm(xp, input, *, p, dim=None, keepdim=False, out=None):
    """Return the p-norm of vectors along dimensions, for a finite p other than 0."""
    x = input.astype(xp.float32) if input.dtype == xp.float16 else input
    if p == 2 and dim is None and not keepdim:
        total = xp.sqrt(xp.vdot(x, x))
    elif p == 2:
        total = xp.sqrt(add_up(xp, x * x, dim, keepdim, None))
    else:
        total = add_up(xp, xp.abs(x) ** p, dim, keepdim, None) ** (1 / p)
    return into(out, total.astype(input.dtype))


@function()
def vector_norm(
    x: Tensor, ord: float = 2, dim: int | tuple[int, ...] | None = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    r"""Return the norm of the vectors along a dimension, several, or of all elements.

    Formula: :math:`(\sum_i |x_i|^p)^{1/p}` with p = ``ord``; the largest magnitude for ``inf``, the smallest for
    ``-inf``, the number of elements that are not 0 for 0. The gradient at a vector of zeros is 0.
    Raises DTypeError for integers. Source: https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html

    >>> import tapegrad as tg
    >>> tg.linalg.vector_norm(tg.tensor([3.0, -4.0]))
    tensor(5.)
    """
    x = _floating("vector_norm", x, dtype)
    dim = tuple(dim) if isinstance(dim, list) else dim
    x = x.abs() if x.dtype.kind == "c" else x
    if ord == 2:
        return ops.p_norm(x, p=2.0, dim=dim, keepdim=keepdim)
    if ord == math.inf:
        return x.abs().amax(() if dim is None else dim, keepdim)
    if ord == -math.inf:
        return x.abs().amin(() if dim is None else dim, keepdim)
    if ord == 0:
        return ops.sign(x.abs()).sum(dim, keepdim)
    if ord == 1:
        return x.abs().sum(dim, keepdim)
    return ops.p_norm(x, p=float(ord), dim=dim, keepdim=keepdim)


def _floating(who: str, x: Tensor, dtype: Any) -> Tensor:
    if x.dtype.kind not in "fc":
        raise DTypeError(who, f"the input has dtype {x.dtype}", "make it floating-point, e.g. with .float()")
    return x if dtype is None else x.to(dtype)


# -- matrix norms -----------------------------------------------------------------------------------------------------


@function()
def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return the norm of the matrices in two dimensions.

    ``ord``: ``"fro"`` the root of the sum of squares, ``"nuc"`` the sum of the singular values, 2 and -2 the largest and
    smallest of those, 1 and -1 the largest and smallest sum of magnitudes of a column, inf and -inf of a row.
    Raises OptionError for another ``ord``, ShapeError for less than two dimensions.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html

    >>> import tapegrad as tg
    >>> tg.linalg.matrix_norm(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), ord=1)
    tensor(6.)
    """
    A = _floating("matrix_norm", A, dtype)
    if A.ndim < 2:
        raise ShapeError("matrix_norm", f"shape {tuple(A.shape)} is no matrix", "use vector_norm()")
    row, column = (d % A.ndim for d in dim)
    if row == column:
        raise OptionError("matrix_norm", f"both dimensions are {row}", "name two")
    if ord == "fro":
        A = A.abs() if A.dtype.kind == "c" else A
        return ops.p_norm(A, p=2.0, dim=(row, column), keepdim=keepdim)
    if ord in ("nuc", 2, -2):
        return _of_singular_values(A, ord, row, column, keepdim)
    if ord not in (1, -1, math.inf, -math.inf):
        raise OptionError("matrix_norm", f"ord={ord!r} is unknown", "use 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2")
    along, across = (row, column) if abs(ord) == 1 else (column, row)
    sums = A.abs().sum(along, keepdim=True)
    result = sums.amax((row, column), keepdim=True) if ord > 0 else sums.amin((row, column), keepdim=True)
    return result if keepdim else result.squeeze(across).squeeze(along if along < across else along - 1)


def _of_singular_values(A: Tensor, ord: Any, row: int, column: int, keepdim: bool) -> Tensor:
    values = ops.svd_triple(A.movedim((row, column), (-2, -1)))[1]
    result = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
    if keepdim:
        for d in sorted((row, column)):
            result = result.unsqueeze(d)
    return result


@function()
def norm(
    input: Tensor, ord: Any = None, dim: int | tuple | None = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return a vector norm, or a matrix norm where ``ord`` is given and two dimensions are named or the input is a matrix.

    Without ``ord`` it is the 2-norm of all elements, or of the dimensions in ``dim``.
    Raises ShapeError when ``ord`` is given for more than two dimensions and no ``dim``.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.norm.html
    """
    if ord is None:
        return vector_norm(input, 2, dim, keepdim, dtype=dtype)
    if dim is None and input.ndim > 2:
        raise ShapeError(
            "norm",
            f"ord={ord!r} for shape {tuple(input.shape)} says neither which vectors nor which matrices",
            "pass dim=",
        )
    pair = tuple(range(input.ndim)) if dim is None else dim
    if isinstance(pair, int) or len(pair) == 1:
        return vector_norm(input, ord, pair, keepdim, dtype=dtype)
    return matrix_norm(input, ord, (pair[0], pair[1]), keepdim, dtype=dtype)


# -- distances --------------------------------------------------------------------------------------------------------


@function(methods="dist")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference of two tensors.

    >>> import tapegrad as tg
    >>> tg.dist(tg.tensor([1.0, 2.0]), tg.tensor([4.0, 6.0]))
    tensor(5.)
    """
    return vector_norm(input - other, p)


def _distance_gradient(x, y, weights, x_shape):
    """The sum over j of w_ij (x_i - y_j)."""
    result = x * ops.sum(weights, dim=-1, keepdim=True) - weights @ y
    return result if result.shape == x_shape else ops.sum_to(result, shape=x_shape)


def _distance_weights(g, out):
    return g * (out != 0) / (out + (out == 0))


@primitive(
    promote="same",
    vjp=(
        lambda g, x1, x2, x1_shape, out: _distance_gradient(x1, x2, _distance_weights(g, out), x1_shape),
        lambda g, x1, x2, x2_shape, out: _distance_gradient(x2, x1, _distance_weights(g, out).mT, x2_shape),
    ),
    formula=r"\sqrt{\sum_k (x_{ik} - y_{jk})^2}",
    derivative=r"(x_i - y_j) / d_{ij}",
    samples=lambda: [
        Sample((3, 2), (4, 2)),
        Sample((3, 2), (4, 2), use_mm=True),
        Sample((2, 3, 2), (4, 2)),
        Sample((0, 2), (3, 2)),
    ],
    torch="",
)
def euclidean_distance(xp, x1, x2, *, use_mm=None):
    """Return the Euclidean distance of each row of one matrix to each row of another.

    ``use_mm``: by one matrix product, which needs little memory but loses digits for near points; None decides by size.
    """
    if use_mm is None:
        use_mm = x1.shape[-2] > 25 or x2.shape[-2] > 25
    if not use_mm:
        difference = x1[..., :, None, :] - x2[..., None, :, :]
        return xp.sqrt(xp.sum(difference * difference, axis=-1))
    squares = xp.sum(x1 * x1, axis=-1)[..., :, None] + xp.sum(x2 * x2, axis=-1)[..., None, :]
    return xp.sqrt(xp.maximum(squares - 2 * xp.matmul(x1, x2.mT), 0))


@function()
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """Return the p-norm distances of all rows of ``x1`` (..., n, d) to all rows of ``x2`` (..., m, d): (..., n, m).

    The gradient of a distance 0 is 0. Raises ShapeError when the rows have different lengths.
    Source: https://pytorch.org/docs/stable/generated/torch.cdist.html

    >>> import tapegrad as tg
    >>> tg.cdist(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(
            "cdist",
            f"shapes {tuple(x1.shape)} and {tuple(x2.shape)} are not two matrices with rows of one length",
            f"the second should end in {x1.shape[-1] if x1.ndim else 1}",
        )
    if compute_mode not in _EUCLID_MODES:
        raise OptionError(
            "cdist", f"compute_mode='{compute_mode}' is unknown", f"use one of {', '.join(_EUCLID_MODES)}"
        )
    if p < 0:
        raise OptionError("cdist", f"p={p} is negative", "use p >= 0")
    if p == 2:
        return ops.euclidean_distance(x1, x2, use_mm=_EUCLID_MODES[compute_mode])
    return vector_norm(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


@function(methods="cov")
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Return the covariance matrix of variables in rows and observations in columns.

    ``correction`` is subtracted from the number of observations; ``fweights`` are integer repetitions, ``aweights``
    relative weights of the observations. Source: https://pytorch.org/docs/stable/generated/torch.cov.html
    """
    if input.ndim > 2:
        raise ShapeError("cov", f"the input has {input.ndim} dimensions", "give a matrix, or a vector")
    if input.dtype.kind == "b":
        raise DTypeError("cov", "the input is bool", "convert it with .float()")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    x = x if x.dtype.kind in "fc" else x.float()
    for name, given, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if given is not None:
            _check_weights(name, given, kinds, x.shape[1])
    weights = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if weights is not None and weights.dtype.kind == "f":
        x = x.to(result_type(x, weights))
    if weights is None:
        count, centred = x.shape[1], x - x.mean(1, keepdim=True)
        norm: Any = max(count - correction, 0)
        scaled = centred
    else:
        weights = weights.to(x.dtype)
        total = weights.sum()
        centred = x - (x * weights).sum(1, keepdim=True) / total
        lost = correction if aweights is None else correction * (weights * aweights).sum() / total
        norm, scaled = (total - lost).clamp(min=0), centred * weights
    result = scaled @ (centred.mH if centred.dtype.kind == "c" else centred.mT) / norm
    return result.reshape(()) if result.numel() == 1 else result


def _check_weights(name: str, weights: Tensor, kinds: str, count: int) -> None:
    if weights.ndim > 1:
        raise ShapeError("cov", f"{name} has shape {tuple(weights.shape)}", "give a vector")
    if weights.dtype.kind not in kinds:
        raise DTypeError("cov", f"{name} has dtype {weights.dtype}", "fweights are integers, aweights are not")
    if weights.numel() != count:
        raise ShapeError("cov", f"{weights.numel()} {name} for {count} observations", "give as many")
    if weights.numel() and bool((weights < 0).any()):
        raise OptionError("cov", f"{name} has a negative number", "use numbers from 0 on")


@function(methods="corrcoef")
def corrcoef(input: Tensor) -> Tensor:
    """Return the matrix of correlation coefficients of variables in rows and observations in columns."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    spread = c.diagonal().sqrt()
    return (c / spread[:, None] / spread).clamp(-1, 1)
