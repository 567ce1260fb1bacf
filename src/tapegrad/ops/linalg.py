"""Products of matrices and vectors."""

from __future__ import annotations

import math
from typing import Any

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, ShapeError, TapegradError, UsageError
from .buffers import as_rows, into
from .contraction import tensordot
from .inverse import identity

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "dot",
    "ger",
    "inner",
    "kron",
    "matmul",
    "matrix_power",
    "mm",
    "mv",
    "outer",
    "vdot",
]


# -- matmul -----------------------------------------------------------------------------------------------------------


def _fold(x, tail):
    """Return a tensor with its leading dimensions made one and the given ones behind."""
    return x if x.ndim == 1 + len(tail) else ops.reshape(x, shape=(math.prod(x.shape[: x.ndim - len(tail)]), *tail))


def _gradient_left(g, other, input_shape):
    if other.ndim == 1:
        return g[..., None] * other
    product = (g[..., None, :] if len(input_shape) == 1 else g) @ other.mT
    return product if product.shape == input_shape else ops.sum_to(product, shape=input_shape)


def _gradient_right(g, input, other_shape):
    if input.ndim > 1 and len(other_shape) <= 2:
        return _fold(input, input.shape[-1:]).mT @ _fold(g, other_shape[1:])
    if input.ndim == 1:
        product = g * input if len(other_shape) == 1 else input[:, None] * g[..., None, :]
    else:
        product = input.mT @ g
    return product if product.shape == other_shape else ops.sum_to(product, shape=other_shape)


def _misfit(input: Any, other: Any) -> TapegradError:
    """Return the error for operands that cannot be multiplied, with the number that would fit."""
    if not hasattr(input, "ndim") or not hasattr(other, "ndim"):
        number = other if hasattr(input, "ndim") else input
        return UsageError("matmul", f"one factor is the {type(number).__name__} {number!r}", "use * for numbers")
    shapes = f"shapes {tuple(input.shape)} and {tuple(other.shape)}"
    if input.ndim == 0 or other.ndim == 0:
        return ShapeError("matmul", f"{shapes}: both factors need at least one dimension", "use * for 0-d tensors")
    rows = other.shape[0] if other.ndim == 1 else other.shape[-2]
    if input.shape[-1] != rows:
        return ShapeError(
            "matmul",
            f"{shapes} cannot be multiplied: the first ends in {input.shape[-1]}, the second has {rows} rows",
            f"give the second {input.shape[-1]} rows, or transpose one of them",
        )
    return ShapeError(
        "matmul",
        f"{shapes}: the batch dimensions {tuple(input.shape[:-2])} and {tuple(other.shape[:-2])} do not broadcast",
        "make them equal or 1",
    )


@primitive(
    promote="same",
    vjp=(_gradient_left, _gradient_right),
    formula=r"X Y",
    derivative=r"g Y^\top, X^\top g",
    onnx="MatMul",
    samples=lambda: [
        Sample((2, 3), (3, 4)),
        Sample((3,), (3,)),
        Sample((3,), (3, 2)),
        Sample((2, 3), (3,)),
        Sample((3,), (2, 3, 4)),
        Sample((2, 4, 3), (3,)),
        Sample((2, 4, 3), (3, 2)),
        Sample((2, 3), (5, 3, 2)),
        Sample((2, 1, 2, 3), (3, 3, 2)),
        Sample((0, 3), (3, 2)),
        Sample((2, 0), (0, 3)),
        Sample((2, 0, 3), (3, 2)),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "give the second 3 rows", (2, 3), (4, 5)),
        ErrorSample(ShapeError, "batch dimensions", (2, 3, 3), (3, 3, 3)),
        ErrorSample(ShapeError, "at least one dimension", (), (3,)),
        ErrorSample(UsageError, "use \\* for numbers", (2, 2), 3),
    ],
    methods="matmul __matmul__ __rmatmul__",
)
def matmul(xp, input, other, *, out=None):
    r"""Return the matrix product of two tensors.

    Two vectors give their dot product (0-d), a matrix and a vector a vector, two matrices (n, k) and (k, m) a matrix
    (n, m). Dimensions before the last two are batches, and broadcast.
    Formula: :math:`z_{ij} = \sum_k x_{ik} y_{kj}`. Raises ShapeError when the inner sizes differ, DTypeError when the
    dtypes do. Source: https://pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import tapegrad as tg
    >>> tg.matmul(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, -1.0]))
    tensor([-1., -1.])
    """
    try:
        if input.ndim == 2 and other.ndim == 2 and input.shape[1] == 1 == other.shape[0] and input.dtype.kind == "f":
            # An outer product, which NumPy's matmul has no fast way for.
            return xp.multiply(input, other, out=out)
        if input.ndim > 2 and other.ndim == 2:
            # One large product is faster than a loop of small ones.
            shape = input.shape
            flat = input.reshape(math.prod(shape[:-1]), shape[-1])
            rows = as_rows(out, other.shape[1])
            product = xp.matmul(flat, other, out=rows).reshape(*shape[:-1], other.shape[1])
            return product if out is None else out if rows is not None else into(out, product)
        return xp.matmul(input, other, out=out)
    except (ValueError, TypeError, AttributeError):
        raise _misfit(input, other) from None


# -- products with a fixed number of dimensions -------------------------------------------------------------------------


def _require(who: str, first: Tensor, dims: int, second: Tensor, other_dims: int) -> None:
    """Refuse factors with other numbers of dimensions, or of inner sizes that differ."""
    for t, wanted in ((first, dims), (second, other_dims)):
        if t.ndim != wanted:
            raise ShapeError(
                who,
                f"shape {tuple(t.shape)} has {t.ndim} dimensions instead of {wanted}",
                "use matmul(), which takes any number",
            )
    columns, rows = first.shape[-1], second.shape[max(0, other_dims - 2)]
    if columns != rows:
        raise ShapeError(
            who,
            f"shapes {tuple(first.shape)} and {tuple(second.shape)} cannot be multiplied: {columns} against {rows}",
            f"the second should have {columns} {'rows' if other_dims > 1 else 'elements'}",
        )


@function(methods="mm")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices (n, k) and (k, m), without broadcasting.

    Raises ShapeError for anything but two matrices that fit.

    >>> import tapegrad as tg
    >>> tg.mm(tg.ones(2, 3), tg.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    _require("mm", input, 2, mat2, 2)
    return matmul(input, mat2)


@function(methods="bmm")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two equally long batches of matrices, (b, n, k) and (b, k, m).

    Raises ShapeError when the batches or the inner sizes differ.

    >>> import tapegrad as tg
    >>> tg.bmm(tg.ones(2, 1, 3), tg.ones(2, 3, 1)).shape
    tapegrad.Size([2, 1, 1])
    """
    _require("bmm", input, 3, mat2, 3)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(
            "bmm",
            f"batches of {input.shape[0]} and {mat2.shape[0]} matrices (shapes {tuple(input.shape)} and {tuple(mat2.shape)})",
            "make them equally long, or use matmul() to broadcast",
        )
    return matmul(input, mat2)


@function(methods="mv")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix (n, k) and a vector (k).

    Raises ShapeError for other shapes.

    >>> import tapegrad as tg
    >>> tg.mv(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, -1.0]))
    tensor([-1., -1.])
    """
    _require("mv", input, 2, vec, 1)
    return matmul(input, vec)


@function(methods="dot")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the dot product of two vectors of one length, as a 0-d tensor.

    Raises ShapeError for anything but two vectors of one length.

    >>> import tapegrad as tg
    >>> tg.dot(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    _require("dot", input, 1, tensor, 1)
    return matmul(input, tensor)


@function(methods="vdot")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the sum of products of two vectors' elements, the first vector's conjugated.

    Source: https://pytorch.org/docs/stable/generated/torch.vdot.html

    >>> import tapegrad as tg
    >>> tg.vdot(tg.tensor([1j, 2.0]), tg.tensor([1j, 1.0]))
    tensor(3.+0.j)
    """
    return dot(ops.conj(input) if input.dtype.kind == "c" else input, other)


@function(methods="inner")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the sums of products over the last dimension of both: shape ``input.shape[:-1] + other.shape[:-1]``.

    A 0-d tensor multiplies the other one. Raises ShapeError when the last sizes differ.

    >>> import tapegrad as tg
    >>> tg.inner(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(
            "inner",
            f"shapes {tuple(input.shape)} and {tuple(other.shape)} differ in the last dimension",
            f"the second should end in {input.shape[-1]}",
        )
    return tensordot(input, other, dims=([-1], [-1]))


@function(methods="outer ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the matrix of all products of two vectors: ``out[i, j] = input[i] * vec2[j]``.

    Raises ShapeError for anything but vectors.

    >>> import tapegrad as tg
    >>> tg.outer(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError("outer", f"shapes {tuple(input.shape)} and {tuple(vec2.shape)}", "pass two vectors")
    return input[:, None] * vec2


ger = outer


# -- sums of a tensor and a product -------------------------------------------------------------------------------------


def _plus(who: str, input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Return ``beta * input + alpha * product``, the input broadcast to the product and left out when beta is 0.

    Where the product is of integers, the factors' fractions are cut off.
    """
    if product.dtype.kind in "biu":
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    fits = input.ndim <= product.ndim and all(
        a in (1, b) for a, b in zip(input.shape[::-1], product.shape[::-1], strict=False)
    )
    if not fits:
        raise ShapeError(
            who,
            f"input of shape {tuple(input.shape)} is added to a product of shape {tuple(product.shape)}",
            f"it should be {tuple(product.shape)}, or broadcast to it",
        )
    if beta == 0:
        return product
    return (input if beta == 1 else input * beta) + product


@function(methods="addmm", inplace=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * (mat1 @ mat2)`` for matrices; with ``beta=0`` the input's nan and inf do not count.

    Source: https://pytorch.org/docs/stable/generated/torch.addmm.html
    """
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


@function(methods="addmv", inplace=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * (mat @ vec)`` for a matrix and a vector."""
    return _plus("addmv", input, mv(mat, vec), beta, alpha)


@function(methods="addr", inplace=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * outer(vec1, vec2)``; of bool, where one of the terms is true.

    Raises DTypeError for integers with a fractional factor.
    """
    product = outer(vec1, vec2)
    if product.dtype.kind not in "biu" or input.dtype.kind not in "biu":
        return _plus("addr", input, product, beta, alpha)
    if isinstance(beta, float) or isinstance(alpha, float):
        raise DTypeError("addr", f"beta is {beta}, alpha {alpha}, but the tensors are integers", "use integers")
    out = _plus("addr", input, product, beta, alpha)
    return out.to(bool) if product.dtype.kind == "b" and input.dtype.kind == "b" else out


@function(methods="addbmm", inplace=True)
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * sum_b batch1[b] @ batch2[b]``."""
    return _plus("addbmm", input, bmm(batch1, batch2).sum(0, dtype=batch1.dtype), beta, alpha)


@function(methods="baddbmm", inplace=True)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * bmm(batch1, batch2)``."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


# -- other products -------------------------------------------------------------------------------------------------------


@function(methods="kron")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: each element of the first times the whole second.

    >>> import tapegrad as tg
    >>> tg.kron(tg.tensor([1.0, 10.0]), tg.tensor([1.0, 2.0]))
    tensor([ 1.,  2., 10., 20.])
    """
    ndim = max(input.ndim, other.ndim)
    left = (1,) * (ndim - input.ndim) + tuple(input.shape)
    right = (1,) * (ndim - other.ndim) + tuple(other.shape)
    first = input.reshape(tuple(n for size in left for n in (size, 1)))
    second = other.reshape(tuple(n for size in right for n in (1, size)))
    return (first * second).reshape(tuple(a * b for a, b in zip(left, right, strict=True)))


@function(methods="matrix_power")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Return a square matrix multiplied with itself ``n`` times; the inverse's power for negative ``n``.

    Squares repeatedly, so it takes about 2 log2(n) products. Raises ShapeError for matrices that are not square.

    >>> import tapegrad as tg
    >>> tg.matrix_power(tg.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise ShapeError("matrix_power", f"shape {tuple(input.shape)} is not square", "pass square matrices")
    if n < 0:
        input, n = ops.inv(input), -n
    if n == 0:
        ones = identity(input).expand(input.shape)
        return ops.where(ones == ones, ones, input)
    result = None
    while n:
        if n & 1:
            result = input if result is None else result @ input
        n >>= 1
        if n:
            input = input @ input
    return result.clone() if result is input else result  # type: ignore[union-attr]


def _trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal. Raises ShapeError for anything but a matrix."""
    if input.ndim != 2:
        raise ShapeError("trace", f"shape {tuple(input.shape)} is no matrix", "use diagonal(dim1, dim2).sum(-1)")
    return input.diagonal().sum()


# The name tapegrad.trace belongs to the tape, so the matrix trace is a method (and np.trace).
function(methods="trace", name="trace")(_trace)
