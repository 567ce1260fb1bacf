"""Shapes and dtypes: reshaping, permuting, expanding, casting. What is composed of these is in ``views``."""

from __future__ import annotations

from typing import Any

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..core.dispatch import apply
from ..errors import IndexRangeError, ShapeError
from .buffers import add_up, into, ones

__all__ = [
    "adjoint",
    "cast",
    "clone",
    "expand",
    "moveaxis",
    "movedim",
    "permute",
    "reshape",
    "sum_to",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
]


def wrap_dim(who: str, dim: int, ndim: int) -> int:
    """Return a dimension counted from the front. A 0-d tensor is treated as if it had one dimension.

    Raises IndexRangeError when there is no such dimension.
    """
    ndim = max(ndim, 1)
    if not -ndim <= dim < ndim:
        raise IndexRangeError(
            who, f"dimension {dim} is out of range for {ndim} dimensions", f"use {-ndim} to {ndim - 1}"
        )
    return dim % ndim


# -- primitives -------------------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, input_dtype: ops.cast(g, dtype=input_dtype),),
    formula=r"x",
    derivative=r"1",
    onnx="Cast",
    samples=lambda: [Sample((2, 3), dtype="float32"), Sample((), dtype="float64")],
    torch="",
)
def cast(xp, input, *, dtype, out=None):
    """Return a copy of the tensor with another dtype.

    >>> import tapegrad as tg
    >>> tg.cast(tg.tensor([1.7, -1.7]), dtype=tg.int64)
    tensor([ 1, -1])
    """
    with xp.errstate(invalid="ignore", over="ignore"):
        if out is None:
            if input.dtype.kind == "c" and xp.dtype(dtype).kind in "fiu":
                return input.real.astype(dtype)
            return input.astype(dtype)
        if input.dtype.kind == "c" and out.dtype.kind in "fiu":
            input = input.real
        out[...] = input
    return out


@primitive(
    vjp=(lambda g: g,),
    formula=r"x",
    derivative=r"1",
    onnx="Identity",
    samples=lambda: [Sample((2, 3)), Sample(()), Sample((0, 2))],
    methods="clone",
)
def clone(xp, input, *, memory_format=None, out=None):
    """Return a copy with its own memory, through which gradients flow.

    ``memory_format`` is accepted for compatibility: the copy is in row-major order.
    Source: https://pytorch.org/docs/stable/generated/torch.clone.html

    >>> import tapegrad as tg
    >>> x = tg.zeros(2)
    >>> y = x.clone()
    >>> y[0] = 1.0
    >>> x
    tensor([0., 0.])
    """
    if out is None:
        return xp.array(input, order="C")
    out[...] = input
    return out


@primitive(
    vjp=(lambda g, input_shape: ops.expand(g, shape=input_shape),),
    formula=r"\sum x",
    samples=lambda: [Sample((3, 4), shape=(4,)), Sample((3, 4), shape=(3, 1)), Sample((2,), shape=())],
    torch="",
)
def sum_to(xp, input, *, shape, out=None):
    """Return the sum over the dimensions that broadcasting from ``shape`` would have added or stretched."""
    if input.ndim == 2 and shape == input.shape[1:] and input.dtype.char in "fd":
        # A reduction costs NumPy several times a product with ones.
        return xp.matmul(ones(xp, input.shape[0], input.dtype), input, out=out)
    return into(out, add_up(xp, input, _stretched(input.shape, shape), True, None).reshape(shape))


def _stretched(input_shape: tuple, shape: tuple) -> tuple:
    """Return the dimensions that broadcasting from ``shape`` would have added or stretched."""
    extra = len(input_shape) - len(shape)
    return tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and input_shape[i + extra] != 1)


@primitive(
    view=True,
    vjp=(lambda g, input_shape: ops.sum_to(g, shape=input_shape),),
    formula=r"x",
    derivative=r"1",
    onnx="Expand",
    samples=lambda: [
        Sample((4,), shape=(3, 4)),
        Sample((3, 1), shape=(2, -1, 4)),
        Sample((), shape=(2,)),
        Sample((1, 3), shape=(0, 3)),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, r"shape \(3, 4\) cannot be expanded to \(2, 4\)", (3, 4), shape=(2, 4)),
        ErrorSample(ShapeError, r"shape \(3,\) cannot be expanded to \(-1, 3\)", (3,), shape=(-1, 3)),
    ],
    signature="input, *shape",
    methods="expand",
)
def expand(xp, input, *, shape):
    """Return a view with dimensions of size 1 stretched; -1 keeps a dimension, new dimensions come in front.

    Raises ShapeError when a size other than 1 would have to change.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.expand.html

    >>> import tapegrad as tg
    >>> tg.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    extra = len(shape) - input.ndim
    target = tuple(input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(shape))
    try:
        return xp.broadcast_to(input, target)
    except ValueError:
        raise ShapeError(
            "expand",
            f"shape {input.shape} cannot be expanded to {tuple(shape)}",
            "only dimensions of size 1 stretch, and new dimensions need a size",
        ) from None


@primitive(
    view=True,
    vjp=(lambda g, input_shape: ops.reshape(g, shape=input_shape),),
    formula=r"x",
    derivative=r"1",
    onnx="Reshape",
    samples=lambda: [Sample((3, 4), shape=(2, 6)), Sample((3, 4), shape=(-1,)), Sample((0, 2), shape=(0, 3))],
    errors=lambda: [ErrorSample(ShapeError, "cannot reshape array of size 12", (3, 4), shape=(5,))],
    signature="input, *shape",
    methods="reshape",
)
def reshape(xp, input, *, shape):
    """Return the same elements in another shape, as a view where possible; one size may be -1.

    Raises ShapeError when the number of elements differs.
    Source: https://pytorch.org/docs/stable/generated/torch.reshape.html

    >>> import tapegrad as tg
    >>> tg.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return input.reshape(shape)


@primitive(
    view=True,
    vjp=(lambda g, dim0, dim1: ops.transpose(g, dim0=dim0, dim1=dim1),),
    formula=r"x^\top",
    derivative=r"1",
    onnx="Transpose",
    samples=lambda: [
        Sample((3, 4), dim0=0, dim1=1),
        Sample((2, 3, 4), dim0=-1, dim1=0),
        Sample((0, 2), dim0=1, dim1=0),
    ],
    errors=lambda: [ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim0=0, dim1=2)],
    methods="transpose",
)
def transpose(xp, input, *, dim0, dim1):
    """Return a view with two dimensions swapped.

    Source: https://pytorch.org/docs/stable/generated/torch.transpose.html

    >>> import tapegrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).transpose(0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    return input.swapaxes(dim0, dim1) if input.ndim else input[...]


def _unpermute(g, dims):
    return ops.permute(g, dims=tuple(sorted(range(len(dims)), key=lambda i: dims[i] % len(dims))))


@primitive(
    view=True,
    vjp=(_unpermute,),
    formula=r"x_{\sigma(i)}",
    derivative=r"1",
    onnx="Transpose",
    samples=lambda: [
        Sample((2, 3, 4), dims=(2, 0, 1)),
        Sample((2, 3, 4), dims=(-1, 0, -2)),
        Sample((3,), dims=(0,)),
        Sample((), dims=()),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "axes don't match array", (2, 3), dims=(0,)),
        ErrorSample(ShapeError, "repeated axis", (2, 3), dims=(0, 0)),
    ],
    signature="input, *dims",
    methods="permute",
)
def permute(xp, input, *, dims):
    """Return a view whose dimension i is dimension ``dims[i]`` of the input.

    Source: https://pytorch.org/docs/stable/generated/torch.permute.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 3, 4).permute(2, 0, 1).shape
    tapegrad.Size([4, 2, 3])
    """
    return input.transpose(dims)


# -- order of dimensions ------------------------------------------------------------------------------------------------


@function(methods="swapaxes")
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return a view with two dimensions swapped: NumPy's name for :func:`transpose`."""
    return ops.transpose(input, dim0=axis0, dim1=axis1)


@function(methods="swapdims")
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dimensions swapped: another name for :func:`transpose`."""
    return ops.transpose(input, dim0=dim0, dim1=dim1)


@function(methods="movedim moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Return a view with the ``source`` dimensions moved to the ``destination`` places, the others in their order.

    Source: https://pytorch.org/docs/stable/generated/torch.movedim.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 3, 4).movedim(0, -1).shape
    tapegrad.Size([3, 4, 2])
    """
    sources = [source] if isinstance(source, int) else source
    places = [destination] if isinstance(destination, int) else destination
    if len(sources) != len(places):
        raise ShapeError(
            "movedim", f"{len(sources)} dimensions are to move to {len(places)} places", "give as many of each"
        )
    for given in (sources, places):
        if len({wrap_dim("movedim", d, input.ndim) for d in given}) < len(given):
            raise ShapeError("movedim", f"{tuple(given)} names a dimension twice", "name each once")
    chosen = [wrap_dim("movedim", d, input.ndim) for d in sources]
    order = [d for d in range(input.ndim) if d not in chosen]
    for place, dim in sorted((wrap_dim("movedim", p, input.ndim), d) for p, d in zip(places, chosen, strict=True)):
        order.insert(place, dim)
    return ops.permute(input, dims=tuple(order))


moveaxis = function(name="moveaxis")(movedim)


@function(methods="t")
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector or a 0-d tensor as it is.

    Raises ShapeError for more than two dimensions.

    >>> import tapegrad as tg
    >>> tg.t(tg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if input.ndim > 2:
        raise ShapeError("t", f"expected at most 2 dimensions, got {input.ndim}", "use transpose(dim0, dim1)")
    return apply(transpose, (input,), {"dim0": 0, "dim1": -1})


def _reversed(self: Tensor) -> Tensor:
    """Return the transpose of a matrix (for other dimensions: all of them in reverse order)."""
    return apply(permute, (self,), {"dims": tuple(range(self.ndim - 1, -1, -1))})


def _matrix_transpose(self: Tensor) -> Tensor:
    """Return the tensor with its last two dimensions swapped."""
    if self.ndim < 2:
        raise ShapeError("mT", f"expected at least 2 dimensions, got {self.ndim}", "use unsqueeze() to add one")
    return apply(transpose, (self,), {"dim0": -2, "dim1": -1})


@function(methods="adjoint")
def adjoint(input: Tensor) -> Tensor:
    """Return the conjugate with its last two dimensions swapped."""
    turned = _matrix_transpose(input)
    return ops.conj(turned) if input.is_complex() else turned


def _hermitian(self: Tensor) -> Tensor:
    """Return the conjugate transpose of a matrix."""
    if self.ndim not in (0, 2):
        raise ShapeError("H", f"expected a matrix, got {self.ndim} dimensions", "use mH for a batch of matrices")
    return adjoint(self) if self.ndim else self


for _name, _getter in {"T": _reversed, "mT": _matrix_transpose, "H": _hermitian, "mH": adjoint}.items():
    setattr(Tensor, _name, property(_getter))
