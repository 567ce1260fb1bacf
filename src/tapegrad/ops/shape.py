"""Shapes and dtypes: reshaping, permuting, expanding, casting."""

from __future__ import annotations

from ..core import Sample, ops, primitive

__all__ = ["cast", "expand", "sum_to"]


@primitive(
    vjp=(lambda g, input_dtype: ops.cast(g, dtype=input_dtype),),
    formula=r"x",
    derivative=r"1",
    onnx="Cast",
    samples=lambda: [Sample((2, 3), dtype="float32")],
    torch="",
)
def cast(xp, input, *, dtype):
    """Return a copy of the tensor with another dtype."""
    return input.astype(dtype)


@primitive(
    vjp=(lambda g, input_shape: ops.expand(g, shape=input_shape),),
    formula=r"\sum x",
    samples=lambda: [Sample((3, 4), shape=(4,)), Sample((3, 4), shape=(3, 1)), Sample((2,), shape=())],
    torch="",
)
def sum_to(xp, input, *, shape):
    """Return the sum over the dimensions that broadcasting from ``shape`` would have added or stretched."""
    extra = input.ndim - len(shape)
    stretched = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and input.shape[i + extra] != 1
    )
    return xp.sum(input, axis=stretched, keepdims=True).reshape(shape)


@primitive(
    view=True,
    vjp=(lambda g, input_shape: ops.sum_to(g, shape=input_shape),),
    formula=r"x",
    derivative=r"1",
    onnx="Expand",
    samples=lambda: [Sample((4,), shape=(3, 4)), Sample((3, 1), shape=(2, 3, 4)), Sample((), shape=(2,))],
    signature="input, *shape",
    methods="expand",
)
def expand(xp, input, *, shape):
    """Return a view with dimensions of size 1 stretched; -1 keeps a dimension."""
    extra = len(shape) - input.ndim
    shape = tuple(input.shape[i - extra] if n == -1 else n for i, n in enumerate(shape))
    return xp.broadcast_to(input, shape)


@primitive(
    view=True,
    vjp=(lambda g, input_shape: ops.reshape(g, shape=input_shape),),
    formula=r"x",
    derivative=r"1",
    onnx="Reshape",
    samples=lambda: [Sample((3, 4), shape=(2, 6)), Sample((3, 4), shape=(-1,)), Sample((0, 2), shape=(0, 3))],
    signature="input, *shape",
    methods="reshape",
)
def reshape(xp, input, *, shape):
    """Return the same elements in another shape, as a view where possible; one size may be -1."""
    return xp.reshape(input, shape)
