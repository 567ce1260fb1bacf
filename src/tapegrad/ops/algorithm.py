"""Which way a convolution is computed, by its shapes: as products of columns, channel by channel, or Winograd's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from .depthwise import correlate_channels, correlate_channels_weight
from .lowering import correlate, correlate_weight, spread, spread_gradients
from .winograd import winograd, winograd_gradients, winograd_weight

__all__ = ["convolve", "convolve_gradients", "convolve_transposed", "convolve_weight"]

# What copying one element into columns, and transforming one of a tile of input or output or of a weight, costs in
# multiplications: measured with two cores and AVX-512.
_COPY, _INPUT, _OUTPUT, _WEIGHT = 20, 60, 35, 100


def _places(small: Any) -> tuple:
    return (small.shape[0], *small.shape[2:])


def uses_winograd(
    xp: Any, dtype: Any, weight: tuple, places: tuple, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Return whether a convolution with a weight (O, C, *kernel) at places (N, *counts) is computed by Winograd's way.

    Only in float32, with kernels of 3 × 3 and stride 1, and where it costs fewer multiplications than columns: the
    largest error is below 1e-5 of the largest result (in float64 columns are exact to 1e-15, Winograd's to 1e-14).
    """
    fits = weight[2:] == (3, 3) and dtype == xp.float32 and groups == 1
    if not fits or any(n != 1 for n in (*stride, *dilation)) or min(p for pair in padding for p in pair) < 0:
        return False
    outputs, channels = weight[:2]
    tiles = places[0] * math.prod(-(-n // 4) for n in places[1:])
    columns = 9 * channels * (outputs + _COPY) * math.prod(places)
    products = channels * outputs * (tiles + _WEIGHT)
    return 36 * (products + (_INPUT * channels + _OUTPUT * outputs) * tiles) < columns


def _groups(array: Any, groups: int, axis: int) -> Iterator[Any]:
    """Yield the parts of an array that belong to each group: equal slices of an axis."""
    length = array.shape[axis] // groups
    for g in range(groups):
        yield array[(*(slice(None),) * axis, slice(g * length, (g + 1) * length))]


def _befores(padding: Any) -> tuple:
    return tuple(before for before, _ in padding)


def _add_bias(bias: Any, out: Any) -> None:
    if bias is not None:
        out += bias.reshape(-1, *(1,) * (out.ndim - 2))


def convolve(
    xp: Any, input: Any, weight: Any, bias: Any, out: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> None:
    """Write the convolution of images with a weight, plus a bias, into ``out``."""
    where = stride, _befores(padding), dilation
    if uses_winograd(xp, input.dtype, weight.shape, _places(out), stride, padding, dilation, groups):
        winograd(xp, input, weight, bias, out, where[1])
        return
    if groups == 1:
        correlate(xp, input, weight, bias, out, *where)
        return
    outputs = len(weight) // groups
    if weight.shape[1] == 1:
        for j in range(outputs):
            correlate_channels(xp, input, weight[j::outputs, 0], out[:, j::outputs], *where, add=False)
    else:
        parts = (_groups(input, groups, 1), _groups(weight, groups, 0), _groups(out, groups, 1))
        for x, w, y in zip(*parts, strict=True):
            correlate(xp, x, w, None, y, *where)
    _add_bias(bias, out)


def convolve_weight(
    xp: Any, input: Any, other: Any, out: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> None:
    """Write the adjoint of :func:`convolve` in its weight into ``out``."""
    where = stride, _befores(padding), dilation
    outputs = len(out) // groups
    if uses_winograd(xp, input.dtype, out.shape, _places(input), stride, padding, dilation, groups):
        winograd_weight(xp, input, other, out, where[1])
    elif groups == 1:
        correlate_weight(xp, input, other, out, *where)
    elif out.shape[1] == 1:
        for j in range(outputs):
            correlate_channels_weight(xp, input[:, j::outputs], other, out[j::outputs, 0], *where)
    else:
        parts = (_groups(input, groups, 1), _groups(other, groups, 1), _groups(out, groups, 0))
        for y, x, w in zip(*parts, strict=True):
            correlate_weight(xp, y, x, w, *where)


def _adds_columns(weight: tuple, stride: Any, befores: tuple) -> bool:
    """Return whether columns of the result are made and added up: where they are clearly fewer than the input's."""
    taps, strided = math.prod(weight[2:]), any(s != 1 for s in stride)
    fewer = weight[0] >= (2 if strided else 4) * weight[1]
    return (strided if taps == 1 else fewer) and min(befores) >= 0


def _phases(size: int, kernel: int, stride: int, before: int, dilation: int) -> list[tuple[int, list, int, int]]:
    """Return for every phase of one dimension of a transposed convolution: (phase, taps, before, dilation).

    The places j = phase + stride u of the result see, of the taps, those with d k ≡ phase + before (mod stride), the
    last one first, as a convolution with stride 1 sees its own.
    """
    found = []
    for phase in range(min(stride, size)):
        taps = [k for k in reversed(range(kernel)) if (phase + before - dilation * k) % stride == 0]
        first = (phase + before - dilation * taps[0]) // stride if taps else 0
        found.append((phase, taps, -first, dilation // math.gcd(stride, dilation)))
    return found


def convolve_transposed(
    xp: Any, input: Any, weight: Any, bias: Any, out: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> None:
    """Write the adjoint of :func:`convolve` in its input, plus a bias, into ``out``.

    With few channels in the result columns are made and added up: there are fewer of them than of the input's. Else, with
    a stride, the result falls into phases, each of which is a convolution with some of the taps and stride 1.
    """
    if uses_winograd(xp, input.dtype, weight.shape, _places(input), stride, padding, dilation, groups):
        turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
        winograd(xp, input, turned, bias, out, tuple(2 - before for before in _befores(padding)))
        return
    befores = _befores(padding)
    if groups == 1 and input.size and out.size and _adds_columns(weight.shape, stride, befores):
        spread(xp, input, weight, bias, out, stride, befores, dilation)
        return
    geometry = zip(out.shape[2:], weight.shape[2:], stride, befores, dilation, strict=True)
    ones = (1,) * len(stride)
    for phases in itertools.product(*(_phases(*one) for one in geometry)):
        part = out[(..., *(slice(phase, None, s) for (phase, *_), s in zip(phases, stride, strict=True)))]
        taps = (
            weight[(slice(None), slice(None), *xp.ix_(*(taps for _, taps, _, _ in phases)))]
            if stride != ones
            else (weight[(..., *(slice(None, None, -1),) * len(ones))])
        )
        where = ones, tuple(before for *_, before, _ in phases), tuple(d for *_, d in phases)
        _transposed_phase(xp, input, taps, bias, part, where, groups)


def _transposed_phase(xp: Any, input: Any, taps: Any, bias: Any, out: Any, where: tuple, groups: int) -> None:
    if groups == 1:
        correlate(xp, input, taps.swapaxes(0, 1), bias, out, *where)
        return
    outputs = len(taps) // groups
    if taps.shape[1] == 1:
        for j in range(outputs):
            correlate_channels(xp, input[:, j::outputs], taps[j::outputs, 0], out, *where, add=j > 0)
    else:
        parts = (_groups(input, groups, 1), _groups(taps, groups, 0), _groups(out, groups, 1))
        for y, w, x in zip(*parts, strict=True):
            correlate(xp, y, w.swapaxes(0, 1), None, x, *where)
    _add_bias(bias, out)


def convolve_gradients(
    xp: Any, g: Any, input: Any, weight: Any, out: tuple, stride: Any, padding: Any, dilation: Any, groups: int
) -> None:
    """Write the adjoints of :func:`convolve` in its input and in its weight into the pair ``out``."""
    if uses_winograd(xp, g.dtype, weight.shape, _places(g), stride, padding, dilation, groups):
        winograd_gradients(xp, g, input, weight, out, _befores(padding))
    elif groups == 1 and g.size and input.size and _adds_columns(weight.shape, stride, _befores(padding)):
        spread_gradients(xp, g, input, weight, out, stride, _befores(padding), dilation)
    else:
        convolve_transposed(xp, g, weight, None, out[0], stride, padding, dilation, groups)
        convolve_weight(xp, g, input, out[1], stride, padding, dilation, groups)
