"""Convolutions of each channel with a kernel of its own, for programs for Numba: loops, and the calls of them.

Images are (N, H, W, C), weights (taps along H, taps along W, C). The loops are not called as they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import Equation, Variable
from ...ops.threads import halves
from ...ops.workspace import workspace
from .layout import Layouts

__all__ = [
    "call_channels",
    "channels_fit",
    "channels_gradient_loop",
    "channels_loop",
    "convolve_channels",
    "convolve_channels_gradients",
]

number = np.float32
# With fewer channels the loops over them are too short for vectors.
_FEWEST = 8


def channels_loop(x, weight, out, first, last, s0, s1, p0, p1, d0, d1):
    """Some images with each channel convolved with its kernel."""
    _, rows, columns, channels = x.shape
    for n in range(first, last):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                for c in range(channels):
                    out[n, i, j, c] = number(0.0)
                for a in range(weight.shape[0]):
                    u = i * s0 - p0 + a * d0
                    for b in range(weight.shape[1]):
                        v = j * s1 - p1 + b * d1
                        if 0 <= u < rows and 0 <= v < columns:
                            for c in range(channels):
                                out[n, i, j, c] += x[n, u, v, c] * weight[a, b, c]


def channels_gradient_loop(g, x, weight, out, total, run, first, last, s0, s1, p0, p1, d0, d1):
    """Gradients of some images, and the sum of those of the weight, which is a sum of sums over rows of an image."""
    _, rows, columns, channels = x.shape
    total[:] = number(0.0)
    for n in range(first, last):
        out[n] = number(0.0)
        for i in range(g.shape[1]):
            run[:] = number(0.0)
            for j in range(g.shape[2]):
                for a in range(weight.shape[0]):
                    u = i * s0 - p0 + a * d0
                    for b in range(weight.shape[1]):
                        v = j * s1 - p1 + b * d1
                        if 0 <= u < rows and 0 <= v < columns:
                            for c in range(channels):
                                out[n, u, v, c] += g[n, i, j, c] * weight[a, b, c]
                            for c in range(channels):
                                run[a, b, c] += g[n, i, j, c] * x[n, u, v, c]
            total += run


def channels_fit(layouts: Layouts, e: Equation) -> bool:
    """Return whether a convolution, or its gradients, has a kernel for each channel, and images with channels last."""
    images, weight = _images(e), _weight(e)
    values = [*images, weight]
    if any(not isinstance(v, Variable) or len(v.shape) != 4 or 0 in v.shape for v in values):
        return False
    channels = e.keywords["groups"]
    return (
        channels >= _FEWEST
        and weight.shape[:2] == (channels, 1)
        and all(v.dtype == weight.dtype and v.dtype.name in ("float32", "float64") for v in values)
        and all(layouts.of(v) == _channels_last(v.shape) for v in images)
    )


def _images(e: Equation) -> list[Any]:
    return [*e.inputs[: 1 if e.primitive.name == "conv" else 2], e.outputs[0]]


def _weight(e: Equation) -> Any:
    return e.inputs[1 if e.primitive.name == "conv" else 2]


def _channels_last(shape: tuple) -> tuple:
    _, c, h, w = shape
    return h * w * c, 1, w * c, c


def call_channels(writer: Any, e: Equation) -> list[str]:
    """Return the lines that compute a convolution or its gradients."""
    program = writer.writer

    def image(v: Variable) -> str:
        return writer.view_of(v, "{}.transpose(0, 2, 3, 1)")

    befores = (before for before, _ in e.keywords["padding"])
    where = (*e.keywords["stride"], *befores, *e.keywords["dilation"])
    weight = program._text_of(_weight(e))
    if e.primitive.name == "conv":
        function, loop = convolve_channels, "channels_loop"
        bias = program._text_of(e.inputs[2]) if len(e.inputs) > 2 else "None"
        large, small = map(image, _images(e))
        given = [large, weight, bias, small]
    else:
        function, loop = convolve_channels_gradients, "channels_gradient_loop"
        small, large, out = map(image, _images(e))
        given = [small, large, weight, out, program.names[e.outputs[1]]]
    return [f"{program._give(function.__name__, function)}(np, {loop}, {', '.join(given)}, {where})"]


def _taps(xp: Any, weight: Any) -> Any:
    return xp.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))


def convolve_channels(xp: Any, loop: Callable, input: Any, weight: Any, bias: Any, out: Any, where: tuple) -> None:
    """Write the convolution of each channel with its kernel (C, 1, *kernel), plus a bias, into ``out``."""
    taps = _taps(xp, weight)

    def work(first: int, last: int) -> None:
        loop(input, taps, out, first, last, *where)
        if bias is not None:
            out[first:last] += bias

    halves(xp, work, len(out))


def convolve_channels_gradients(
    xp: Any, loop: Callable, g: Any, input: Any, weight: Any, out: Any, out_weight: Any, where: tuple
) -> None:
    """Write the adjoints of :func:`convolve_channels` in its input and in its weight into ``out`` and ``out_weight``."""
    taps = _taps(xp, weight)
    totals = workspace(xp, "totals", (2, *taps.shape), g.dtype)
    totals[1:] = 0

    def work(first: int, last: int) -> None:
        total = totals[0 if first == 0 else 1]
        loop(g, input, taps, out, total, workspace(xp, "run", taps.shape, taps.dtype), first, last, *where)

    halves(xp, work, len(g))
    out_weight[:, 0] = (totals[0] + totals[1]).transpose(2, 0, 1)
