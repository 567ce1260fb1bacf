"""What the kinds of pooling share: sample cases, the elements that meet windows, and images taken a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .sliding import along, pooled_counts
from .threads import halves
from .workspace import workspace

__all__ = ["by_images", "last", "pooled", "pooling_cases", "reduce_windows"]

# Bytes of input that are worked on at once: they stay in the cache from one dimension to the next.
_BLOCK = 1 << 20


def _keywords(kernel_size, stride=None, padding=None, dilation=None):
    ones = (1,) * len(kernel_size)
    return {
        "kernel_size": kernel_size,
        "stride": stride or kernel_size,
        "padding": padding or (0,) * len(ones),
        "dilation": dilation or ones,
    }


def pooling_cases():
    """Yield a shape, keywords that tell the windows, and ceil_mode."""
    yield (2, 3, 4, 4), _keywords((2, 2)), False
    yield (1, 2, 5, 3), _keywords((2, 2)), True
    yield (2, 5, 4), _keywords((3, 2), (2, 1), (1, 1)), False
    yield (2, 6, 7), _keywords((2, 2), (1, 2), None, (2, 3)), False
    yield (2, 3, 7), _keywords((3,), None, (1,)), True
    yield (1, 3, 4, 5), _keywords((2, 3, 2), (1, 2, 2), (0, 1, 0)), False
    yield (0, 2, 4, 4), _keywords((2, 2)), False


def last(shape: tuple, kernel_size: tuple) -> tuple:
    """Return the sizes of the dimensions that the windows slide over."""
    return tuple(shape[len(shape) - len(kernel_size) :])


def pooled(shape: tuple, windows: dict, ceil_mode: bool) -> tuple:
    """Return the shape that pooling gives."""
    size = last(shape, windows["kernel_size"])
    ones = (1,) * len(size)
    counts = pooled_counts(
        size, windows["kernel_size"], windows["stride"], windows["padding"], windows.get("dilation", ones), ceil_mode
    )
    return (*shape[: len(shape) - len(size)], *counts)


def by_images(xp: Any, work: Callable, *arrays: Any) -> None:
    """Call ``work`` with a few images of each array at a time, in two threads where that pays."""
    count = len(arrays[0])
    large = max(a.nbytes for a in arrays)
    step = max(1, min(count * _BLOCK // max(1, large), (count + 1) // 2 if large > _BLOCK else count))
    starts = range(0, count, step)

    def some(first: int, stop: int) -> None:
        for n in starts[first:stop]:
            work(*(a[n : n + step] for a in arrays))

    halves(xp, some, len(starts))


def reduce_windows(
    xp: Any,
    combine: Any,
    neutral: Any,
    input: Any,
    out: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
) -> None:
    """Write the combination of the elements that every window sees into ``out``, one dimension after the other."""
    n = len(kernel_size)
    lead = input.ndim - n
    sizes = last(input.shape, kernel_size), last(out.shape, kernel_size)
    geometry = zip(*sizes, kernel_size, stride, padding, dilation, strict=True)
    # Memory in the order of the output's, so that what lies together stays together.
    order = sorted(range(out.ndim), key=lambda d: -out.strides[d])
    for i, one in enumerate(geometry):
        axis, count = lead + i, one[1]
        taps = [(_at(axis, w), _at(axis, e)) for _, w, e in along(*one)]
        if i == n - 1:
            target = out
        else:
            shape = (*input.shape[:axis], count, *input.shape[axis + 1 :])
            flat = workspace(xp, f"pool {i % 2}", tuple(shape[d] for d in order), out.dtype)
            target = flat.transpose([order.index(d) for d in range(out.ndim)])
        _reduce_taps(combine, neutral, input, target, _at(axis, slice(0, count)), taps)
        input = target


def _at(axis: int, index: slice) -> tuple:
    """Return an index of one dimension as an index of the array."""
    return (*(slice(None),) * axis, index)


def _reduce_taps(combine: Any, neutral: Any, input: Any, out: Any, every: tuple, taps: list) -> None:
    whole = [tap for tap in taps if tap[0] == every]
    if len(whole) > 1:
        first, second = whole[:2]
        combine(input[first[1]], input[second[1]], out=out)
        taps = [tap for tap in taps if tap is not first and tap is not second]
    elif whole:
        out[...] = input[whole[0][1]]
        taps = [tap for tap in taps if tap is not whole[0]]
    else:
        out[...] = neutral
    for w, e in taps:
        combine(out[w], input[e], out=out[w])
