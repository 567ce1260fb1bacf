"""Pooling to a given size: window i of o over n elements goes from ⌊i n / o⌋ to ⌈(i + 1) n / o⌉."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import OptionError, ShapeError
from .windows import check_floating, check_images, per_dimension

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]


def _target(who: str, input: Tensor, n: int, output_size: Any) -> tuple[int, ...]:
    """Return the size of the result; None keeps a dimension's size."""
    if input.ndim <= n:
        raise OptionError(who, f"the input has shape {tuple(input.shape)}", f"give at least {n + 1} dimensions")
    check_images(who, input, n)
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(given) != n:
        raise ShapeError(who, f"output_size is {output_size}", f"give one number, or {n}")
    kept = [length if size is None else size for length, size in zip(input.shape[-n:], given, strict=True)]
    if 0 in input.shape[-n:]:
        raise ShapeError(who, f"the input has shape {tuple(input.shape)}", "give one that is not empty")
    return per_dimension(who, "output_size", kept, n, least=0)


def _even_windows(size: tuple, target: tuple) -> dict | None:
    """Return the keywords of plain pooling to a size, or None where the windows are not all alike."""
    if any(t == 0 or n % t for n, t in zip(size, target, strict=True)):
        return None
    kernel = tuple(n // t for n, t in zip(size, target, strict=True))
    return {"kernel_size": kernel, "stride": kernel, "padding": (0,) * len(size)}


def _bounds(length: int, target: int) -> list[tuple[int, int]]:
    return [(i * length // target, -(-(i + 1) * length // target)) for i in range(target)]


# -- the average --------------------------------------------------------------------------------------------------------


def _averaging_matrix(length: int, target: int, dtype: Any) -> Tensor:
    matrix = np.zeros((target, length), dtype)
    for row, (start, stop) in zip(matrix, _bounds(length, target), strict=True):
        row[start:stop] = 1 / (stop - start)
    return wrap(matrix)


def _adaptive_avg_pool(n: int, input: Tensor, output_size: Any) -> Tensor:
    who = f"adaptive_avg_pool{n}d"
    check_floating(who, input)
    target = _target(who, input, n, output_size)
    even = _even_windows(tuple(input.shape[-n:]), target)
    if even is not None:
        return ops.avg_pool(input, **even)
    # The average is a product with a matrix along every dimension, one after the other.
    for dim, size in zip(range(-n, 0), target, strict=True):
        matrix = _averaging_matrix(input.shape[dim], size, input.dtype)
        input = (input.transpose(dim, -1) @ matrix.mT).transpose(dim, -1)
    return input


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of ``output_size`` windows that cover a signal evenly; None keeps its length.

    Shapes: input (N, C, L) or (C, L); result (N, C, output_size). Raises ShapeError and DTypeError.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.adaptive_avg_pool1d(tg.tensor([[0.0, 3.0, 6.0]]), 2)
    tensor([[1.5000, 4.5000]])
    """
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that cover images evenly: (N, C, *output_size).

    ``output_size`` is a number or a pair, with None for a size that is kept.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.adaptive_avg_pool2d(tg.ones(8, 64, 7, 7), 1).shape
    tapegrad.Size([8, 64, 1, 1])
    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that cover volumes evenly: (N, C, *output_size), as :func:`adaptive_avg_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool3d.html
    """
    return _adaptive_avg_pool(3, input, output_size)


# -- the largest element ------------------------------------------------------------------------------------------------


def _largest_in(input: Tensor, region: tuple[tuple[int, int], ...], size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the largest element of a region of the last dimensions, and its position in them, flattened."""
    lead = input.ndim - len(region)
    part = input[(..., *(slice(start, stop) for start, stop in region))]
    values, local = ops.reshape(part, shape=(*input.shape[:lead], -1)).max(dim=-1)
    position, pitch = ops.mul(local, 0), 1
    for (start, stop), length in zip(reversed(region), reversed(size), strict=True):
        position = position + (local % (stop - start) + start) * pitch
        local = local // (stop - start)
        pitch *= length
    return values, position


def _adaptive_max_pool(n: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    target = _target(f"adaptive_max_pool{n}d", input, n, output_size)
    size, lead = tuple(input.shape[-n:]), tuple(input.shape[:-n])
    even = _even_windows(size, target)
    if even is not None:
        window = {**even, "dilation": (1,) * n}
        values = ops.max_pool(input, **window)
        return (values, ops.window_argmax(input, values, **window)) if return_indices else values
    bounds = [_bounds(length, t) for length, t in zip(size, target, strict=True)]
    found = [_largest_in(input, region, size) for region in itertools.product(*bounds)]
    if not found:
        empty = ops.reshape(input[(..., *(slice(0, t) for t in target))], shape=(*lead, *target))
        return (empty, empty.long()) if return_indices else empty
    values, positions = (
        ops.reshape(ops.stack(*parts, dim=-1), shape=(*lead, *target)) for parts in zip(*found, strict=True)
    )
    return (values, positions) if return_indices else values


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of ``output_size`` windows that cover a signal evenly; None keeps its length.

    Shapes: input (N, C, L) or (C, L); result (N, C, output_size). ``return_indices`` gives a pair with their positions.
    Raises ShapeError.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.adaptive_max_pool1d(tg.tensor([[0.0, 3.0, 6.0]]), 2, return_indices=True)
    (tensor([[3., 6.]]), tensor([[1, 2]]))
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of windows that cover images evenly: (N, C, *output_size).

    Positions count through the flattened image, row by row.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.adaptive_max_pool2d(tg.arange(9.0).reshape(1, 3, 3), (None, 1))
    tensor([[[2.],
             [5.],
             [8.]]])
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of windows that cover volumes evenly: (N, C, *output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)
