"""Reductions over dimensions."""

from __future__ import annotations

from ..core import Sample, ops, primitive

__all__ = ["sum"]


@primitive(
    vjp=(lambda g, input_shape, dim, keepdim: ops.expand_reduced(g, shape=input_shape, dim=dim, keepdim=keepdim),),
    formula=r"\sum_i x_i",
    derivative=r"1",
    onnx="ReduceSum",
    samples=lambda: [Sample((3, 4)), Sample((3, 4), dim=1), Sample((3, 4), dim=(0, 1), keepdim=True)],
    methods="sum",
)
def sum(xp, input, *, dim=None, keepdim=False):
    """Return the sum over one dimension, several, or all."""
    return xp.sum(input, axis=dim, keepdims=keepdim)


@primitive(
    view=True,
    vjp=(lambda g, dim, keepdim: ops.sum(g, dim=dim, keepdim=keepdim),),
    formula=r"x",
    samples=lambda: [
        Sample((3,), shape=(3, 4), dim=1),
        Sample((1, 1), shape=(3, 4), dim=(0, 1), keepdim=True),
        Sample((), shape=(2, 2)),
    ],
    torch="",
)
def expand_reduced(xp, input, *, shape, dim=None, keepdim=False):
    """Return a reduction's result stretched back over the dimensions that it was reduced over."""
    if not keepdim and dim is not None:
        input = xp.expand_dims(input, tuple(d % len(shape) for d in (dim if isinstance(dim, tuple) else (dim,))))
    return xp.broadcast_to(input, shape)
