"""Images and volumes read at given places, and the places that an affine map gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import DTypeError, MissingMethodError, OptionError, ShapeError, UsageError, warn

__all__ = ["affine_grid", "grid_sample"]

_MODES = ("bilinear", "nearest", "bicubic")
_PADDING = ("zeros", "border", "reflection")
# R. Keys' cubic convolution kernel (1981), with PyTorch's slope.
_SLOPE = -0.75


def _aligned(who: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warn(who, "align_corners is not given, and counts as False", "name it")
    return bool(align_corners)


# -- places -------------------------------------------------------------------------------------------------------------


def affine_grid(theta: Tensor, size: list[int] | tuple[int, ...], align_corners: bool | None = None) -> Tensor:
    """Return where each pixel of an image comes from under affine maps, as :func:`grid_sample` takes it.

    Shapes: theta (N, 2, 3) and size (N, C, H, W), result (N, H, W, 2); or theta (N, 3, 4) and size (N, C, D, H, W),
    result (N, D, H, W, 3). Places go from -1 to 1, x first: from the centres of the outermost pixels with
    ``align_corners``, else from their outer edges. Raises UsageError, DTypeError, ArgumentError, ShapeError.
    Source: M. Jaderberg et al., "Spatial Transformer Networks" (2015), https://arxiv.org/abs/1506.02025

    >>> import tapegrad as tg
    >>> identity = tg.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> tg.nn.functional.affine_grid(identity, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if not isinstance(theta, Tensor):
        raise UsageError("affine_grid", f"theta is a {type(theta).__name__}", "give a tensor")
    if not theta.is_floating_point():
        raise OptionError("affine_grid", f"theta has dtype {theta.dtype}", "make it floating-point")
    size = tuple(int(n) for n in size)
    n = len(size) - 2
    if n not in (2, 3):
        raise MissingMethodError("affine_grid", f"size is {size}", "give (N, C, H, W) or (N, C, D, H, W)")
    if tuple(theta.shape[-2:]) != (n, n + 1) or theta.ndim != 3:
        raise OptionError(
            "affine_grid", f"theta has shape {tuple(theta.shape)} for size {size}", f"give (N, {n}, {n + 1})"
        )
    if min(size) < 1:
        raise OptionError("affine_grid", f"size is {size}", "use at least 1 everywhere")
    if theta.shape[0] != size[0]:
        raise ShapeError("affine_grid", f"{theta.shape[0]} maps for {size[0]} images", "give one for each")
    align = _aligned("affine_grid", align_corners)
    lines = [_line(length, align, theta.dtype) for length in size[2:]]
    # x, which runs along the last dimension, comes first, and a 1 for the shift last.
    mesh = np.stack([*reversed(np.meshgrid(*lines, indexing="ij")), np.ones(size[2:], theta.dtype)], axis=-1)
    rows = ops.matmul(wrap(mesh.reshape(1, -1, n + 1)), theta.mT)
    return ops.reshape(rows, shape=(size[0], *size[2:], n))


def _line(length: int, align: bool, dtype: np.dtype) -> np.ndarray:
    if length == 1:
        return np.zeros(1, dtype)
    line = np.linspace(-1, 1, length, dtype=dtype)
    return line if align else line * dtype.type((length - 1) / length)


# -- reading ------------------------------------------------------------------------------------------------------------


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return images (N, C, H, W) or volumes (N, C, D, H, W) read at the places of a grid.

    Shapes: grid (N, H', W', 2) or (N, D', H', W', 3), x first, result (N, C, H', W') or (N, C, D', H', W'). Places go
    from -1 to 1, as in :func:`affine_grid`. ``mode``: "bilinear" (between the neighbours in all directions), "nearest"
    (halves go to the even pixel), "bicubic" (images only). ``padding_mode``: what lies outside is 0 ("zeros"), the edge
    ("border"), or mirrored ("reflection"). Gradients go to input and grid; a place that is nan counts as the far corner
    for "border" and "reflection". Raises ArgumentError for an unknown mode, ShapeError, DTypeError.
    Source: M. Jaderberg et al., "Spatial Transformer Networks" (2015), https://arxiv.org/abs/1506.02025

    >>> import tapegrad as tg
    >>> image, places = tg.tensor([[[[1.0, 3.0]]]]), tg.tensor([[[[0.0, 0.0]]]])
    >>> tg.nn.functional.grid_sample(image, places, align_corners=False)
    tensor([[[[2.]]]])
    """
    if mode not in _MODES:
        raise OptionError("grid_sample", f"mode is '{mode}'", f"use {', '.join(_MODES)}")
    if padding_mode not in _PADDING:
        raise OptionError("grid_sample", f"padding_mode is '{padding_mode}'", f"use {', '.join(_PADDING)}")
    align = _aligned("grid_sample", align_corners)
    _check(input, grid, mode)
    size = tuple(input.shape[2:])
    places = [_unscaled(grid[..., i], n, align) for i, n in zip(range(len(size)), reversed(size), strict=True)][::-1]
    if mode != "bicubic":
        places = [_folded(x, n, padding_mode, align) for x, n in zip(places, size, strict=True)]
        taps = [_nearest(x) if mode == "nearest" else _linear(x) for x in places]
        return _read(input, taps, size)
    taps = [_cubic(x) for x in places]
    if padding_mode != "zeros":
        # Cubic weights come from the place as given; only whole positions are brought inside.
        taps = [
            [(_folded(position, n, padding_mode, align), weight) for position, weight in along]
            for along, n in zip(taps, size, strict=True)
        ]
    return _read(input, taps, size)


def _check(input: Tensor, grid: Tensor, mode: str) -> None:
    who, shapes = "grid_sample", f"input {tuple(input.shape)} and grid {tuple(grid.shape)}"
    if input.dtype != grid.dtype:
        raise DTypeError(who, f"the input has dtype {input.dtype}, the grid {grid.dtype}", "make them equal")
    n = input.ndim - 2
    if n not in (2, 3) or grid.ndim != input.ndim:
        raise ShapeError(who, f"{shapes} do not fit", "give both 4 or both 5 dimensions")
    if input.shape[0] != grid.shape[0]:
        raise ShapeError(who, f"{shapes} have different batches", "give one grid for each image")
    if grid.shape[-1] != n:
        raise ShapeError(who, f"the grid's places have {grid.shape[-1]} coordinates", f"give {n}")
    if 0 in input.shape[2:]:
        raise ShapeError(who, f"the input has shape {tuple(input.shape)}", "give one with pixels")
    if mode == "bicubic" and n == 3:
        raise ShapeError(who, "mode 'bicubic' with volumes", "use 'bilinear' or 'nearest'")


def _unscaled(x: Tensor, length: int, align: bool) -> Tensor:
    """Return places from -1 to 1 as positions, 0 for the centre of the first pixel."""
    return (x + 1) * ((length - 1) / 2) if align else ((x + 1) * length - 1) * 0.5


def _folded(x: Tensor, length: int, padding_mode: str, align: bool) -> Tensor:
    """Return positions brought inside. At and beyond the edge the border's gradient is 0."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        x = _reflected(x, 0.0, length - 1.0) if align else _reflected(x, -0.5, length - 0.5)
    inside = (x > 0) & (x < length - 1)
    edge = ops.where(x >= length - 1, float(length - 1), ops.mul(x.detach(), 0))
    # nan, which compares as false, goes to the first pixel.
    edge = ops.where(ops.isnan(edge), 0.0, edge)
    return ops.where(inside, x, edge)


def _reflected(x: Tensor, low: float, high: float) -> Tensor:
    """Return positions mirrored at both ends, again and again."""
    span = high - low
    if span == 0:
        return ops.mul(x, 0)
    distance = ops.abs(x - low)
    turns = ops.floor(distance.detach() / span)
    rest = distance - turns * span
    return ops.where(ops.eq(ops.remainder(turns, 2), 0), rest + low, high - rest)


Taps = list[tuple[Tensor, Tensor]]


def _nearest(x: Tensor) -> Taps:
    # The weight 1 stays on the graph: the grid's gradient is 0, not none.
    return [(ops.round(x.detach()), 1 + ops.hardtanh(x) * 0)]


def _linear(x: Tensor) -> Taps:
    first = ops.floor(x.detach())
    after = x - first
    return [(first, 1 - after), (first + 1, after)]


def _cubic(x: Tensor) -> Taps:
    first = ops.floor(x.detach())
    t = x - first
    weights: list[Callable[[Tensor], Tensor]] = [_far, _near, _near, _far]
    distances = [t + 1, t, 1 - t, 2 - t]
    return [(first + (i - 1), weights[i](distances[i])) for i in range(4)]


def _near(d: Tensor) -> Tensor:
    return ((_SLOPE + 2) * d - (_SLOPE + 3)) * d * d + 1


def _far(d: Tensor) -> Tensor:
    return ((_SLOPE * d - 5 * _SLOPE) * d + 8 * _SLOPE) * d - 4 * _SLOPE


def _read(input: Tensor, taps: list[Taps], size: tuple[int, ...]) -> Tensor:
    """Return the sum over all combinations of taps of the pixels there times the weights; 0 stands outside."""
    batch, channels = input.shape[:2]
    table = ops.reshape(input, shape=(batch, channels, -1))
    total = None
    for choice in itertools.product(*taps):
        flat, weight = None, None
        for (position, part), n in zip(choice, size, strict=True):
            inside = (position >= 0) & (position <= n - 1)
            index = ops.where(inside, position, 0.0).detach().to(np.dtype(np.int64))
            flat = index if flat is None else flat * n + index
            part = ops.where(inside, part, 0.0)
            weight = part if weight is None else weight * part
        assert flat is not None
        assert weight is not None
        shape = tuple(flat.shape)
        places = ops.expand(ops.reshape(flat, shape=(batch, 1, -1)), shape=(batch, channels, flat[0].numel()))
        pixels = ops.reshape(table.gather(2, places), shape=(batch, channels, *shape[1:]))
        term = pixels * weight.unsqueeze(1)
        total = term if total is None else total + term
    assert total is not None
    return total
