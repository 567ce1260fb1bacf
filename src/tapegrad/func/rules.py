"""How primitives run on a batch: the samples along dimension 0 of each batched input.

A rule returns the batched result, or None where it does not cover a call, which then runs sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Tensor, ops

__all__ = ["RULES", "Call"]


class Call:
    """One call of a primitive inside ``vmap``: its operands, which of them are batches, and each sample's array."""

    def __init__(self, primitive: Any, given: list, batched: list[bool], arrays: list, keywords: dict, size: int):
        self.primitive = primitive
        self.given = given
        self.batched = batched
        self.arrays = arrays
        self.keywords = keywords
        self.size = size

    @property
    def first_alone(self) -> bool:
        """Whether the first input is the only batch."""
        return self.batched[0] and not any(self.batched[1:])

    def apply(self, given: list, **changed: Any) -> Any:
        """Return the primitive's result on other operands, with some keywords changed."""
        from ..core.dispatch import apply

        return apply(self.primitive, tuple(given), {**self.keywords, **changed})

    def elementwise(self) -> Any:
        """Return the result of a primitive whose inputs broadcast: batches get dimensions of size 1 after the first."""
        ndim = max((a.ndim for a in self.arrays if isinstance(a, np.ndarray)), default=0)
        return self.apply([self.aligned(i, ndim) for i in range(len(self.given))])

    def aligned(self, i: int, ndim: int) -> Any:
        """Return an operand with its samples' dimensions counted from the right up to ``ndim``."""
        x = self.given[i]
        if not self.batched[i] or self.arrays[i].ndim == ndim:
            return x
        return ops.reshape(x, shape=(self.size, *(1,) * (ndim - self.arrays[i].ndim), *self.arrays[i].shape))

    def spread(self, i: int) -> Any:
        """Return an operand as a batch, repeated where it is none."""
        x = self.given[i]
        return x if self.batched[i] else ops.expand(x, shape=(self.size, *self.arrays[i].shape))

    def one_by_one(self) -> Any:
        """Return the results of one sample after another, stacked."""
        results = []
        for n in range(self.size):
            row = [ops.index_view(x, layout=(n,)) if b else x for x, b in zip(self.given, self.batched, strict=True)]
            results.append(self.apply(row))
        if isinstance(results[0], tuple):
            return tuple(ops.stack(*column, dim=0) for column in zip(*results, strict=True))
        return ops.stack(*results, dim=0)


# -- rules --------------------------------------------------------------------------------------------------------------


def _along_dim(call: Call) -> Any:
    """One dimension, counted from either end, of inputs of equal dimensions: all are batches, or made so."""
    ndim = call.arrays[0].ndim
    if ndim == 0 or any(isinstance(a, np.ndarray) and a.ndim != ndim for a in call.arrays):
        return None
    dim = call.keywords["dim"]
    if not isinstance(dim, int):
        return None
    return call.apply([call.spread(i) for i in range(len(call.given))], dim=dim % ndim + 1)


def _reduction(call: Call) -> Any:
    """Some dimensions, or all, of one input."""
    ndim, dim = call.arrays[0].ndim, call.keywords["dim"]
    if ndim == 0:
        return None
    whole = dim is None or dim == ()
    if whole and call.primitive.name in _ONE_DIM:
        if call.keywords.get("keepdim"):
            return None
        return call.apply([ops.reshape(call.given[0], shape=(call.size, -1))], dim=1)
    dims = range(ndim) if whole or dim is None else (dim,) if isinstance(dim, int) else dim
    shifted = tuple(d % ndim + 1 for d in dims)
    return call.apply(call.given, dim=shifted[0] if isinstance(dim, int) else shifted)


_ONE_DIM = {"argmax", "argmin", "median"}


def _expand_reduced(call: Call) -> Any:
    """The adjoint of a reduction: values repeated along the dimensions that were summed over."""
    shape, dim = call.keywords["shape"], call.keywords["dim"]
    if len(shape) == 0:
        return None
    dims = range(len(shape)) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
    shifted = tuple(d % len(shape) + 1 for d in dims)
    return call.apply(call.given, shape=(call.size, *shape), dim=shifted)


def _reshape(call: Call) -> Any:
    shape = list(call.keywords["shape"])
    if -1 in shape:
        known = int(np.prod([n for n in shape if n != -1]))
        shape[shape.index(-1)] = call.arrays[0].size // known if known else 0
    return call.apply(call.given, shape=(call.size, *shape))


def _expand(call: Call) -> Any:
    shape, own = call.keywords["shape"], call.arrays[0].shape
    missing = len(shape) - len(own)
    sizes = [own[i - missing] if n == -1 else n for i, n in enumerate(shape)]
    return call.apply([call.aligned(0, len(shape))], shape=(call.size, *sizes))


def _sum_to(call: Call) -> Any:
    shape, ndim = call.keywords["shape"], call.arrays[0].ndim
    padded = (call.size, *(1,) * (ndim - len(shape)), *shape)
    return ops.reshape(ops.sum_to(call.given[0], shape=padded), shape=(call.size, *shape))


def _same(call: Call) -> Any:
    """Nothing but the first input matters, in any shape."""
    return call.apply(call.given) if call.first_alone else None


def _transpose(call: Call) -> Any:
    ndim = call.arrays[0].ndim
    dim0, dim1 = (call.keywords[name] % ndim + 1 for name in ("dim0", "dim1"))
    return call.apply(call.given, dim0=dim0, dim1=dim1)


def _permute(call: Call) -> Any:
    ndim = call.arrays[0].ndim
    return call.apply(call.given, dims=(0, *(d % ndim + 1 for d in call.keywords["dims"])))


def _flip(call: Call) -> Any:
    ndim, dims = call.arrays[0].ndim, call.keywords["dims"]
    dims = (dims,) if isinstance(dims, int) else dims
    return call.apply(call.given, dims=tuple(d % ndim + 1 for d in dims)) if ndim and dims else None


def _index_view(call: Call) -> Any:
    return call.apply(call.given, layout=(slice(None), *call.keywords["layout"]))


def _index_place(call: Call) -> Any:
    layout, shape = call.keywords["layout"], call.keywords["shape"]
    return call.apply(call.given, layout=(slice(None), *layout), shape=(call.size, *shape))


def _index(call: Call) -> Any:
    if not call.first_alone or any(a.dtype == np.bool_ for a in call.arrays[1:]):
        return None
    return call.apply(call.given, dims=[d + 1 for d in call.keywords["dims"]]) if _together(call) else None


def _index_sum(call: Call) -> Any:
    if not call.first_alone or any(a.dtype == np.bool_ for a in call.arrays[1:]) or not _together(call):
        return None
    dims = [d + 1 for d in call.keywords["dims"]]
    return call.apply(call.given, dims=dims, shape=(call.size, *call.keywords["shape"]))


def _together(call: Call) -> bool:
    """Return whether index arrays stand side by side, so that their dimensions stay where they are."""
    dims = list(call.keywords["dims"])
    return dims == list(range(dims[0], dims[0] + len(dims))) if dims else False


def _cat(call: Call) -> Any:
    if any(a is None or a.ndim != call.arrays[0].ndim for a in call.arrays):
        return None
    ndim = call.arrays[0].ndim
    extra = 1 if call.primitive.name == "stack" else 0
    dim = call.keywords["dim"] % (ndim + extra) + 1
    return call.apply([call.spread(i) for i in range(len(call.given))], dim=dim)


def _matmul(call: Call) -> Any:
    left, right = call.arrays
    if left.ndim == 0 or right.ndim == 0:
        return None
    a = call.aligned(0, max(left.ndim, right.ndim if right.ndim > 2 else left.ndim))
    b = call.aligned(1, max(right.ndim, left.ndim if left.ndim > 2 else right.ndim))
    if left.ndim == 1 and right.ndim == 1:
        return ops.sum(a * b, dim=-1)
    if left.ndim == 1:
        row = ops.reshape(call.given[0], shape=(call.size, *(1,) * (right.ndim - 1), -1)) if call.batched[0] else a
        row = row if call.batched[0] else ops.reshape(a, shape=(1, -1))
        product = ops.matmul(row, call.given[1])
        return ops.reshape(product, shape=(*product.shape[:-2], product.shape[-1]))
    if right.ndim == 1:
        column = ops.reshape(b, shape=(-1, 1))
        if call.batched[1]:
            column = ops.reshape(call.given[1], shape=(call.size, *(1,) * (left.ndim - 2), -1, 1))
        product = ops.matmul(call.given[0], column)
        return ops.reshape(product, shape=tuple(product.shape[:-1]))
    return ops.matmul(a, b)


def _linear(call: Call) -> Any:
    x, weight = call.arrays[:2]
    if x.ndim == 0:
        return None
    if not any(call.batched[1:]):
        return call.apply(call.given)
    rows = x.shape[:-1]
    flat = call.given[0]
    count = int(np.prod(rows))
    flat = ops.reshape(flat, shape=(call.size, count, -1) if call.batched[0] else (count, -1))
    product = ops.matmul(flat, ops.transpose(call.given[1], dim0=-2, dim1=-1))
    bias = call.given[2]
    if bias is not None:
        product = product + (ops.reshape(bias, shape=(call.size, 1, -1)) if call.batched[2] else bias)
    return ops.reshape(product, shape=(call.size, *rows, weight.shape[0]))


def _images(call: Call) -> Any:
    """Inputs whose first dimension is a batch already, as in convolutions with one weight, and pooling: both become one."""
    own = call.arrays[0]
    outer = [i for i, a in enumerate(call.arrays) if isinstance(a, np.ndarray) and a.ndim == own.ndim]
    merged = outer if call.primitive.name.endswith("pool_gradient") else [0]
    if own.ndim < 3 or any(b and i not in merged for i, b in enumerate(call.batched)):
        return None
    given = list(call.given)
    for i in merged:
        shape = call.arrays[i].shape
        given[i] = ops.reshape(call.spread(i), shape=(call.size * shape[0], *shape[1:]))
    changed = {}
    if "size" in call.keywords and call.primitive.name == "avg_unpool" and len(call.keywords["size"]) == own.ndim:
        changed["size"] = (call.size * call.keywords["size"][0], *call.keywords["size"][1:])
    result = call.apply(given, **changed)
    parts = result if isinstance(result, tuple) else (result,)
    split = tuple(ops.reshape(r, shape=(call.size, r.shape[0] // call.size, *r.shape[1:])) for r in parts)
    return split if isinstance(result, tuple) else split[0]


def _embedding(call: Call) -> Any:
    return call.apply(call.given) if call.batched == [False, True] else None


def _split(call: Call) -> Any:
    ndim = call.arrays[0].ndim
    return call.apply(call.given, dim=call.keywords["dim"] % ndim + 1)


def _diagonal(call: Call) -> Any:
    ndim = call.arrays[0].ndim
    dim1, dim2 = (call.keywords[name] % ndim + 1 for name in ("dim1", "dim2"))
    return call.apply(call.given, dim1=dim1, dim2=dim2)


def _affine(call: Call) -> Any:
    """``x * weight + bias``, which broadcast from the right."""
    ndim = call.arrays[0].ndim
    return call.apply([call.aligned(i, ndim) if x is not None else None for i, x in enumerate(call.given)])


def _names(names: str, rule: Callable[[Call], Any]) -> dict[str, Callable[[Call], Any]]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Callable[[Call], Tensor | tuple | None]] = {
    **_names("softmax safe_softmax log_softmax cumsum cumprod logcumsumexp gather scatter_add argsort", _along_dim),
    **_names("sum mean prod amax amin any all logsumexp var std argmax argmin", _reduction),
    **_names("cast clone real imag view_as_real view_as_complex tril triu mT", _same),
    **_names("conv conv_transpose max_pool max_pool_gradient avg_pool avg_unpool", _images),
    **_names("cat stack", _cat),
    **_names("split_with_sizes unbind", _split),
    "affine": _affine,
    "diagonal": _diagonal,
    "embedding": _embedding,
    "expand": _expand,
    "expand_reduced": _expand_reduced,
    "flip": _flip,
    "index": _index,
    "index_place": _index_place,
    "index_sum": _index_sum,
    "index_view": _index_view,
    "linear": _linear,
    "matmul": _matmul,
    "permute": _permute,
    "reshape": _reshape,
    "sum_to": _sum_to,
    "transpose": _transpose,
}
