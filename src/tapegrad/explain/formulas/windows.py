r"""Convolution and pooling, written for one element: n is the sample, c, d and o channels, i, j and k places.

A place has as many numbers as there are dimensions of space; one number written for it stands for all of them. All
count from 0. Outside of an array there are zeros, for a maximum -\infty; of equal maxima the first one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .call import ONE, Call, at

__all__ = ["ELEMENT", "INPUT_ELEMENT", "WINDOWS"]


def _term(factor: Sequence[int], letter: str, default: int) -> str:
    """Return a letter times what stands before it in each dimension."""
    if all(f == default for f in factor):
        return letter if default else ""
    if len(set(factor)) == 1:
        return rf"{factor[0]} {letter}" if letter else str(factor[0])
    numbers = f"({', '.join(map(str, factor))})"
    return rf"{numbers} \odot {letter}" if letter else numbers


def _place(call: Call) -> str:
    """Return the place in the input that a window at i looks at with its place k: 2 i + k - 1."""
    options = call.keywords
    step = _term(options["stride"], "i", 1)
    inside = _term(options.get("dilation", (1,)), "k", 1)
    padding = [p[0] if isinstance(p, (tuple, list)) else p for p in options["padding"]]
    before = _term(padding, "", 0)
    return f"{step} + {inside}" + (f" - {before}" if before else "")


def _is_grouped(call: Call) -> bool:
    return call.keywords["groups"] != 1


def _channel(call: Call, letter: str = "c") -> str:
    r"""Return the input channel that output channel o weighs with its weight at c: of b in each group, b \lfloor o / a \rfloor + c."""
    if not _is_grouped(call):
        return letter
    outer, inner = (call.shapes["weight"] or (0, 0))[:2]
    size = outer // call.keywords["groups"]
    group = "o" if size == 1 else rf"\lfloor o / {size} \rfloor"
    if inner == 1:
        return group
    return rf"{inner} {group} + {letter}"


def _conv(call: Call) -> str:
    bias = f"{at(call['bias'], 'o')} + " if call.has("bias") else ""
    weight, x = at(call["weight"], "o,c,k"), at(call["input"], f"n,{_channel(call)},{_place(call)}")
    return rf"{bias}\sum_{{c,k}} {weight} \, {x}"


def _spread(call: Call, g: str) -> str:
    """Return the sum that brings values at (n, o, i) back to where they came from: the transposed convolution."""
    if _is_grouped(call):
        where = rf"{_channel(call, 'd')} = c,\, {_place(call)} = j"
        return rf"\sum_{{o,d,i,k:\, {where}}} {at(call['weight'], 'o,d,k')} \, {g}"
    return rf"\sum_{{o,i,k:\, {_place(call)} = j}} {at(call['weight'], 'o,c,k')} \, {g}"


def _conv_backward(call: Call) -> dict[str, str]:
    g = at(call.gradient, "n,o,i")
    return {
        "input": _spread(call, g),
        "weight": rf"\sum_{{n,i}} {g} \, {at(call['input'], f'n,{_channel(call)},{_place(call)}')}",
        "bias": rf"\sum_{{n,i}} {g}",
    }


def _conv_transpose(call: Call) -> str:
    bias = f"{at(call['bias'], 'c')} + " if call.has("bias") else ""
    return bias + _spread(call, at(call["input"], "n,o,i"))


def _conv_transpose_backward(call: Call) -> dict[str, str]:
    g = at(call.gradient, f"n,{_channel(call)},{_place(call)}")
    return {
        "input": rf"\sum_{{c,k}} {at(call['weight'], 'o,c,k')} \, {g}",
        "weight": rf"\sum_{{n,i}} {at(call['input'], 'n,o,i')} \, {g}",
        "bias": rf"\sum_{{n,j}} {at(call.gradient, 'n,c,j')}",
    }


def _window(call: Call) -> str:
    """Return which places k there are in a window."""
    return f"k < {_term(call.keywords['kernel_size'], '', 0)}"


def _max_pool(call: Call) -> str:
    return rf"\max_{{{_window(call)}}} {at(call['input'], f'n,c,{_place(call)}')}"


def _max_pool_backward(call: Call) -> dict[str, str] | None:
    if call.g[0] is None or call.gradient == ONE:
        return None
    largest = rf"\left[k = \mathrm{{argmax}}_{{{_window(call)}}} {at(call['input'], f'n,c,{_place(call)}')}\right]"
    where = rf"{_window(call)}:\, {_place(call)} = j"
    return {"input": rf"\sum_{{i,{where}}} {at(call.gradient, 'n,c,i')} \, {largest}"}


def _average(call: Call) -> str | None:
    size = _size(call)
    if size is None:
        return None
    return rf"\frac{{1}}{{{size}}} \sum_{{{_window(call)}}} {at(call['input'], f'n,c,{_place(call)}')}"


def _average_backward(call: Call) -> dict[str, str] | None:
    size = _size(call)
    if size is None:
        return None
    where = rf"{_window(call)}:\, {_place(call)} = j"
    return {"input": rf"\frac{{1}}{{{size}}} \sum_{{i,{where}}} {at(call.gradient, 'n,c,i')}"}


def _size(call: Call) -> int | None:
    """Return how many elements each window averages, or None where windows differ."""
    options = call.keywords
    padded = any(options["padding"]) and not options["count_include_pad"]
    if options["divisor_override"] is not None:
        return options["divisor_override"]
    size = 1
    for length in options["kernel_size"]:
        size *= length
    return None if padded or options["ceil_mode"] else size


# The element of the output, and of each input's gradient, that the formulas are of.
ELEMENT = {"conv": "n,o,i", "conv_transpose": "n,c,j", "max_pool": "n,c,i", "avg_pool": "n,c,i"}
INPUT_ELEMENT = {
    ("conv", "input"): "n,c,j",
    ("conv", "weight"): "o,c,k",
    ("conv", "bias"): "o",
    ("conv_transpose", "input"): "n,o,i",
    ("conv_transpose", "weight"): "o,c,k",
    ("conv_transpose", "bias"): "c",
    ("max_pool", "input"): "n,c,j",
    ("avg_pool", "input"): "n,c,j",
}

WINDOWS: dict[str, tuple[Callable, Callable]] = {
    "conv": (_conv, _conv_backward),
    "conv_transpose": (_conv_transpose, _conv_transpose_backward),
    "max_pool": (_max_pool, _max_pool_backward),
    "avg_pool": (_average, _average_backward),
}
