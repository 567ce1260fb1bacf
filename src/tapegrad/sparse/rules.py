"""What primitives do to sparse tensors: by a primitive's name, a function of its inputs and keywords.

A function returns NotImplemented for a combination of inputs that PyTorch has not either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Tensor, as_tensor, ops
from ..errors import IndexRangeError, LayoutError, ShapeError
from ..ops.shape import wrap_dim
from .positions import flat_keys, join
from .products import matmul
from .reductions import total
from .selections import concatenate, pick, select_by, stacked
from .tensor import SparseTensor, is_sparse, make_sparse

__all__ = ["RULES"]


def _with_values(t: SparseTensor, values: Tensor) -> SparseTensor:
    return make_sparse(t._positions, values, t._size, t._coalesced)


def _number(value: Any) -> bool:
    """Return whether something multiplies every element alike: a number, or a 0-d tensor."""
    return isinstance(value, (int, float, complex, np.generic)) or (
        isinstance(value, (Tensor, np.ndarray)) and not is_sparse(value) and value.ndim == 0
    )


# -- element by element -------------------------------------------------------------------------------------------------


def _of_values(name: str, coalesced: bool) -> Callable:
    """Return the rule of a function that keeps 0 and is taken of the values, added up first unless it is linear."""

    def rule(input: SparseTensor, *numbers: Any, **keywords: Any) -> Any:
        if not is_sparse(input) or not all(isinstance(n, (int, float, type(None))) for n in numbers):
            return NotImplemented
        t = input.coalesce() if coalesced else input
        return _with_values(t, getattr(ops, name)(t._entries, *numbers, **keywords))

    return rule


def _pow(input: Any, exponent: Any) -> Any:
    if not is_sparse(input) or not _number(exponent):
        return NotImplemented
    if not isinstance(exponent, Tensor) and exponent == 0:
        raise LayoutError("pow", "an exponent of 0 makes every element 1", "use to_dense() first")
    t = input.coalesce()
    return _with_values(t, ops.pow(t._entries, exponent))


def _same_shape(who: str, input: Tensor, other: Tensor) -> None:
    if tuple(input.shape) != tuple(other.shape):
        raise ShapeError(
            who, f"shapes {tuple(input.shape)} and {tuple(other.shape)} differ", "sparse tensors do not broadcast"
        )


def _signed_add(who: str, sign: int) -> Callable:
    def rule(input: Any, other: Any) -> Any:
        if not is_sparse(input):
            if not isinstance(input, Tensor) or (_number(input) and other.ndim):
                raise _dense_behind(who)
            return getattr(ops, who)(input, other.to_dense())
        if not is_sparse(other):
            raise _dense_behind(who)
        return _added(who, input, other if sign > 0 else _with_values(other, ops.neg(other._entries)))

    return rule


def _dense_behind(who: str) -> LayoutError:
    return LayoutError(
        who, "a dense tensor or number is added to a sparse tensor", "write dense + sparse, or use to_dense()"
    )


def _added(who: str, input: SparseTensor, other: SparseTensor) -> SparseTensor:
    _same_shape(who, input, other)
    if input.sparse_dim() != other.sparse_dim():
        raise ShapeError(
            who, f"{input.sparse_dim()} and {other.sparse_dim()} sparse dimensions", "use to_sparse(dimensions)"
        )
    known = input._coalesced and other._coalesced
    if input._positions.shape == other._positions.shape and (input._positions == other._positions).all():
        return make_sparse(input._positions, ops.add(input._entries, other._entries), input._size, known)
    dtype = np.result_type(input.dtype, other.dtype)
    values = ops.cat(input._entries.to(dtype), other._entries.to(dtype), dim=0)
    positions = np.concatenate([input._positions, other._positions], axis=1)
    both = make_sparse(positions, values, input._size, False)
    return both.coalesce() if known else both


def _mul(input: Any, other: Any) -> Any:
    if not is_sparse(input):
        input, other = other, input
    if _number(other):
        return _with_values(input, ops.mul(input._entries, other))
    if is_sparse(other):
        return _intersection(input, other)
    other = as_tensor(other)
    if other.shape != input.shape:
        other = other.expand(*input.shape)
    held = ops.index(other, *input._positions, dims=tuple(range(input.sparse_dim())))
    return _with_values(input, ops.mul(input._entries, held))


def _intersection(input: SparseTensor, other: SparseTensor) -> SparseTensor:
    _same_shape("mul", input, other)
    input, other = input.coalesce(), other.coalesce()
    size = input._size[: input.sparse_dim()]
    left, right = join(flat_keys(input._positions, size), flat_keys(other._positions, size))
    values = ops.mul(ops.index(input._entries, left, dims=(0,)), ops.index(other._entries, right, dims=(0,)))
    return make_sparse(input._positions[:, left], values, input._size, True)


def _divided(name: str, coalesced: bool) -> Callable:
    def rule(input: Any, other: Any) -> Any:
        if not is_sparse(input) or is_sparse(other) or not _number(other):
            raise LayoutError(name, "a sparse tensor is divided by numbers alone", "multiply with the reciprocal")
        t = input.coalesce() if coalesced else input
        return _with_values(t, getattr(ops, name)(t._entries, other))

    return rule


# -- shapes -------------------------------------------------------------------------------------------------------------


def _permute(input: SparseTensor, *, dims: Any) -> SparseTensor:
    order = [wrap_dim("permute", d, input.ndim) for d in dims]
    if len(order) != input.ndim or len(set(order)) != len(order):
        raise ShapeError("permute", f"dims {tuple(dims)} are no order of {input.ndim} dimensions", "name each once")
    sparse = input.sparse_dim()
    if sorted(order[:sparse]) != list(range(sparse)):
        raise LayoutError("permute", "a sparse dimension changes place with a dense one", "use to_dense() first")
    values = input._entries
    if order[sparse:] != list(range(sparse, input.ndim)):
        values = ops.permute(values, dims=(0, *(d - sparse + 1 for d in order[sparse:])))
    unmoved = order[:sparse] == list(range(sparse))
    size = tuple(input._size[d] for d in order)
    return make_sparse(input._positions[order[:sparse]], values, size, input._coalesced and unmoved)


def _transpose(input: SparseTensor, *, dim0: int, dim1: int) -> SparseTensor:
    order = list(range(input.ndim))
    first, second = wrap_dim("transpose", dim0, input.ndim), wrap_dim("transpose", dim1, input.ndim)
    order[first], order[second] = second, first
    return _permute(input, dims=order)


def _reshape(input: SparseTensor, *, shape: Any) -> Any:
    """Put a dimension of size 1 in, which is all that PyTorch does too (``unsqueeze``)."""
    size, wanted = input._size, tuple(shape)
    for place in range(len(wanted)):
        if wanted[place] == 1 and (*wanted[:place], *wanted[place + 1 :]) == size:
            return _unsqueezed(input, place)
    return NotImplemented


def _unsqueezed(input: SparseTensor, place: int) -> SparseTensor:
    size = (*input._size[:place], 1, *input._size[place:])
    sparse = input.sparse_dim()
    if place > sparse:
        values = input._entries.unsqueeze(place - sparse + 1)
        return make_sparse(input._positions, values, size, input._coalesced)
    return make_sparse(np.insert(input._positions, place, 0, axis=0), input._entries, size, input._coalesced)


def _cast(input: SparseTensor, *, dtype: Any) -> SparseTensor:
    return _with_values(input, input._entries.to(np.dtype(dtype)))


def _clone(input: SparseTensor, **options: Any) -> SparseTensor:
    return make_sparse(input._positions.copy(), ops.clone(input._entries), input._size, input._coalesced)


def _index_view(input: SparseTensor, *, layout: tuple) -> Tensor:
    return select_by(input, tuple(layout))


def _unbind(input: SparseTensor, *, dim: int = 0) -> tuple:
    place = (slice(None),) * wrap_dim("unbind", dim, input.ndim)
    return tuple(input[(*place, i)] for i in range(input.size(dim)))


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    if is_sparse(bias):
        return NotImplemented
    product = matmul(input, ops.transpose(weight, dim0=0, dim1=1))
    return product if bias is None or product is NotImplemented else product + bias


# -- reductions ---------------------------------------------------------------------------------------------------------


def _sum(input: SparseTensor, *, dim: Any = None, keepdim: bool = False) -> Tensor:
    return total(input, dim, keepdim)


def _of_all(name: str) -> Callable:
    """Return the rule of a reduction of all elements in which zeros do not count."""

    def rule(input: SparseTensor, **keywords: Any) -> Any:
        if keywords.get("dim") not in (None, ()):
            return NotImplemented
        result = getattr(ops, name)(input.coalesce()._entries, **{**keywords, "keepdim": False})
        return result.reshape((1,) * input.ndim) if keywords.get("keepdim") else result

    return rule


def _index(input: SparseTensor, *indices: Any, dims: tuple) -> Any:
    if len(indices) != 1 or len(dims) != 1 or not is_sparse(input):
        return NotImplemented
    wanted = indices[0].array if isinstance(indices[0], Tensor) else np.asarray(indices[0])
    if wanted.ndim > 1 or wanted.dtype.kind == "b":
        return NotImplemented
    if wanted.size and not (-input._size[dims[0]] <= wanted.min() and wanted.max() < input._size[dims[0]]):
        raise IndexRangeError("index_select", f"an index is out of range in dimension {dims[0]}", "use ones in range")
    return pick(input, dims[0], wanted.reshape(-1))


_KEEPING_ZERO = """
    abs asin asinh atan atanh ceil erf erfinv expm1 floor log1p nan_to_num relu round sign signbit sin sinh square sqrt
    tan tanh trunc isnan isinf isneginf isposinf
"""

RULES: dict[str, Callable] = {
    **{name: _of_values(name, True) for name in _KEEPING_ZERO.split()},
    "neg": _of_values("neg", False),
    "conj": _of_values("conj", False),
    "pow": _pow,
    "add": _signed_add("add", 1),
    "sub": _signed_add("sub", -1),
    "mul": _mul,
    "div": _divided("div", False),
    "floor_divide": _divided("floor_divide", True),
    "trunc_divide": _divided("trunc_divide", True),
    "matmul": matmul,
    "transpose": _transpose,
    "permute": _permute,
    "reshape": _reshape,
    "cast": _cast,
    "clone": _clone,
    "index_view": _index_view,
    "unbind": _unbind,
    "linear": _linear,
    "sum": _sum,
    "any": _of_all("any"),
    "p_norm": _of_all("p_norm"),
    "index": _index,
    "cat": concatenate,
    "stack": stacked,
}
