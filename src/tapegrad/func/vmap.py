"""``vmap``: a function of one sample, run over a batch of them at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import STATE, Tensor, ops
from ..errors import ArgumentError, TraceError, UsageError
from .batching import Batching
from .owned import settle
from .tree import leaves, rebuild

__all__ = ["vmap"]


def vmap(
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """Return a function that runs ``func`` over a dimension of its arguments, as if sample by sample.

    ``in_dims``: that dimension of each argument, one for all or nested as the arguments are; None leaves one whole.
    ``out_dims``: where the dimension goes in the results. ``randomness``: whether random operations are refused
    (``"error"``), give each sample its own numbers (``"different"``) or all the same (``"same"``).
    ``chunk_size``: how many samples at once. ``func`` sees tensors of one sample and may not read their values; shapes
    that depend on values are refused. Most operations run on the whole batch at once, the rest sample by sample.
    Raises ArgumentError for dimensions of different or no size, UsageError for a result that is no tensor.
    Source: https://pytorch.org/docs/stable/generated/torch.func.vmap.html

    >>> import tapegrad as tg
    >>> tg.func.vmap(lambda row, w: row @ w, in_dims=(0, None))(tg.eye(2), tg.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise TraceError("vmap", f"randomness={randomness!r}", "use 'error', 'different' or 'same'")
    if chunk_size is not None and chunk_size <= 0:
        raise ArgumentError("vmap", f"chunk_size={chunk_size}", "use a positive number, or None")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        given = leaves(args)
        dims = _spread("vmap", in_dims if isinstance(in_dims, int) else _as_tuple(in_dims), args)
        moved = [_front(t, d) for t, d in zip(given, dims, strict=True)]
        sizes = {t.shape[0] for t, d in zip(moved, dims, strict=True) if d is not None}
        _check_sizes(sizes)
        size = sizes.pop()
        step = chunk_size or max(size, 1)
        parts = []
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            piece = [
                t if d is None or stop - start == size else t[start:stop] for t, d in zip(moved, dims, strict=True)
            ]
            batched = [d is not None for d in dims]
            parts.append(_run(func, args, kwargs, piece, batched, stop - start, randomness))
        shape, values = parts[0]
        if len(parts) > 1:
            values = [ops.cat(*columns, dim=0) for columns in zip(*(v for _, v in parts), strict=True)]
        places = _spread("vmap", out_dims if isinstance(out_dims, int) else _as_tuple(out_dims), shape, out=True)
        return rebuild(shape, iter([_place(v, d) for v, d in zip(values, places, strict=True)]))

    return wrapper


def _run(
    func: Callable, args: tuple, kwargs: dict, given: list, batched: list[bool], size: int, randomness: str
) -> tuple[Any, list[Tensor]]:
    level = Batching(size, randomness)
    shown = [level.sample(t) if b else t for t, b in zip(given, batched, strict=True)]
    STATE.tracer = level
    try:
        result = func(*rebuild(args, iter(shown)), **kwargs)
    finally:
        STATE.tracer = level.parent
    found = leaves(result)
    for value in found:
        if not isinstance(value, Tensor):
            raise ArgumentError("vmap", f"the function returned a {type(value).__name__}", "return tensors alone")
    return result, settle([level.whole(t) for t in found])


def _as_tuple(dims: Any) -> Any:
    return tuple(dims) if isinstance(dims, list) else dims


def _spread(who: str, dims: Any, value: Any, out: bool = False) -> list:
    """Return the dimension of each leaf, given one for all or dims nested as the leaves are."""
    if dims is None or isinstance(dims, int):
        if out or dims is None:
            return [dims for _ in leaves(value)]
        return [dims if isinstance(leaf, Tensor) else None for leaf in leaves(value)]
    if isinstance(value, dict) and isinstance(dims, dict) and dims.keys() == value.keys():
        return [d for name in value for d in _spread(who, dims[name], value[name], out)]
    if isinstance(value, (list, tuple)) and isinstance(dims, (list, tuple)) and len(dims) == len(value):
        return [d for one, item in zip(dims, value, strict=True) for d in _spread(who, one, item, out)]
    if out and isinstance(dims, (list, tuple)) and len(dims) == 1:
        return _spread(who, dims[0], value, out)
    raise ArgumentError(who, f"dims {dims!r} do not fit the values", "nest them as the arguments or results are nested")


def _front(value: Any, dim: int | None) -> Any:
    if dim is None:
        return value
    if not isinstance(value, Tensor):
        raise ArgumentError("vmap", f"in_dims={dim} for a {type(value).__name__}", "use None for what is no tensor")
    if not -value.ndim <= dim < value.ndim:
        raise ArgumentError(
            "vmap", f"in_dims={dim} for a tensor of {value.ndim} dimensions", "map over one that it has, or None"
        )
    return value if dim == 0 else value.movedim(dim, 0)


def _check_sizes(sizes: set[int]) -> None:
    if not sizes:
        raise ArgumentError("vmap", "no argument is mapped over", "give in_dims other than None for one tensor")
    if len(sizes) > 1:
        raise ArgumentError(
            "vmap", f"the mapped dimensions have sizes {sorted(sizes)}", "make them equal, or use None in in_dims"
        )


def _place(value: Tensor, dim: int | None) -> Tensor:
    if dim is None:
        raise UsageError("vmap", "out_dims has None for a result", "give the place of the batch dimension")
    return value if dim == 0 else value.movedim(0, dim)
