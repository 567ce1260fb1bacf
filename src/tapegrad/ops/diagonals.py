"""What lies on a diagonal, below it and above it."""

from __future__ import annotations

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import OptionError, ShapeError
from .shape import wrap_dim

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "tril", "triu"]


def _diagonal_view(xp, array, offset, dim1, dim2):
    last = xp.moveaxis(array, (dim1, dim2), (-2, -1))
    rows, columns = last[..., max(-offset, 0) :, :], max(offset, 0)
    size = max(0, min(rows.shape[-2], rows.shape[-1] - columns))
    return xp.einsum("...ii->...i", rows[..., :size, columns : columns + size])


@primitive(
    view=True,
    vjp=(
        lambda g, input_shape, offset, dim1, dim2: ops.diagonal_place(
            g, shape=input_shape, offset=offset, dim1=dim1, dim2=dim2
        ),
    ),
    formula=r"x_{i,i+k}",
    derivative=r"1",
    samples=lambda: [
        Sample((3, 4)),
        Sample((3, 4), offset=1),
        Sample((3, 4), offset=-2),
        Sample((2, 3, 3), dim1=-2, dim2=-1),
        Sample((2, 3, 4), offset=1, dim1=2, dim2=0),
        Sample((2, 2), offset=3),
    ],
    methods="diagonal",
)
def diagonal(xp, input, *, offset=0, dim1=0, dim2=1):
    """Return a view of a diagonal of two dimensions, as the last dimension; ``offset`` counts upwards from the main one.

    Source: https://pytorch.org/docs/stable/generated/torch.diagonal.html

    >>> import tapegrad as tg
    >>> tg.diagonal(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return _diagonal_view(xp, input, offset, dim1, dim2)


@primitive(
    vjp=(lambda g, offset, dim1, dim2: ops.diagonal(g, offset=offset, dim1=dim1, dim2=dim2),),
    formula=r"\delta_{i+k,j} x_i",
    derivative=r"1",
    samples=lambda: [
        Sample((3,), shape=(3, 4)),
        Sample((1,), shape=(3, 4), offset=-2),
        Sample((3, 1), shape=(2, 3, 4), offset=1, dim1=2, dim2=0),
    ],
    torch="",
)
def diagonal_place(xp, input, *, shape, offset=0, dim1=0, dim2=1):
    """Return zeros of a shape with the input on a diagonal."""
    out = xp.zeros(shape, input.dtype)
    _diagonal_view(xp, out, offset, dim1, dim2)[...] = input
    return out


@function(methods="diag_embed")
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return square matrices, zero but for a diagonal that holds the last dimension of the input.

    Source: https://pytorch.org/docs/stable/generated/torch.diag_embed.html

    >>> import tapegrad as tg
    >>> tg.diag_embed(tg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    first, second = (wrap_dim("diag_embed", d, input.ndim + 1) for d in (dim1, dim2))
    if first == second:
        raise OptionError("diag_embed", f"both dimensions are {first}", "give two different ones")
    shape = list(input.shape[:-1])
    for place in sorted((first, second)):
        shape.insert(place, input.shape[-1] + abs(offset))
    return ops.diagonal_place(input, shape=tuple(shape), offset=offset, dim1=first, dim2=second)


@function(methods="diag")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the square matrix with a vector on its diagonal, or a copy of the diagonal of a matrix.

    Source: https://pytorch.org/docs/stable/generated/torch.diag.html

    >>> import tapegrad as tg
    >>> tg.diag(tg.tensor([1, 2])), tg.diag(tg.tensor([[1, 2], [3, 4]]))
    (tensor([[1, 0],
            [0, 2]]), tensor([1, 4]))
    """
    if input.ndim not in (1, 2):
        raise ShapeError("diag", f"expected a vector or a matrix, got {input.ndim} dimensions", "use diagonal()")
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    return ops.clone(ops.diagonal(input, offset=diagonal))


@function(methods="diagflat")
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the square matrix with the elements of a tensor on its diagonal."""
    return diag_embed(ops.reshape(input, shape=(-1,)), offset)


@primitive(
    vjp=(lambda g, diagonal: ops.tril(g, diagonal=diagonal),),
    formula=r"x_{ij} [j \le i + k]",
    derivative=r"[j \le i + k]",
    onnx="Trilu",
    samples=lambda: [Sample((3, 4)), Sample((2, 3, 3), diagonal=1), Sample((4, 2), diagonal=-1)],
    errors=lambda: [ErrorSample(ShapeError, "expected a matrix", (3,))],
    methods="tril",
    inplace=True,
)
def tril(xp, input, *, diagonal=0):
    """Return the part of a matrix on and below a diagonal, zeros above.

    Source: https://pytorch.org/docs/stable/generated/torch.tril.html

    >>> import tapegrad as tg
    >>> tg.tril(tg.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    if input.ndim < 2:
        raise ShapeError(
            "tril", f"expected a matrix or a batch of them, got shape {input.shape}", "use unsqueeze() or reshape()"
        )
    return xp.tril(input, diagonal)


@primitive(
    vjp=(lambda g, diagonal: ops.triu(g, diagonal=diagonal),),
    formula=r"x_{ij} [j \ge i + k]",
    derivative=r"[j \ge i + k]",
    onnx="Trilu",
    samples=lambda: [Sample((3, 4)), Sample((2, 3, 3), diagonal=1), Sample((4, 2), diagonal=-1)],
    errors=lambda: [ErrorSample(ShapeError, "expected a matrix", (3,))],
    methods="triu",
    inplace=True,
)
def triu(xp, input, *, diagonal=0):
    """Return the part of a matrix on and above a diagonal, zeros below.

    Source: https://pytorch.org/docs/stable/generated/torch.triu.html

    >>> import tapegrad as tg
    >>> tg.triu(tg.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    if input.ndim < 2:
        raise ShapeError(
            "triu", f"expected a matrix or a batch of them, got shape {input.shape}", "use unsqueeze() or reshape()"
        )
    return xp.triu(input, diagonal)
