r"""Convolution and pooling, written for one element: n is the sample, c and o channels, i, j and k places.

A place has as many numbers as there are dimensions of space; one number written for it stands for all of them.
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


def _conv(call: Call) -> str | None:
    if call.keywords["groups"] != 1:
        return None
    bias = f"{at(call['bias'], 'o')} + " if call.has("bias") else ""
    weight, x = at(call["weight"], "o,c,k"), at(call["input"], f"n,c,{_place(call)}")
    return rf"{bias}\sum_{{c,k}} {weight} \, {x}"


def _conv_backward(call: Call) -> dict[str, str] | None:
    if call.keywords["groups"] != 1:
        return None
    g, place = at(call.gradient, "n,o,i"), _place(call)
    return {
        "input": rf"\sum_{{o,i,k:\, {place} = j}} {at(call['weight'], 'o,c,k')} \, {g}",
        "weight": rf"\sum_{{n,i}} {g} \, {at(call['input'], f'n,c,{place}')}",
        "bias": rf"\sum_{{n,i}} {g}",
    }


def _max_pool(call: Call) -> str:
    return rf"\max_k {at(call['input'], f'n,c,{_place(call)}')}"


def _max_pool_backward(call: Call) -> dict[str, str] | None:
    if call.g[0] is None or call.gradient == ONE:
        return None
    largest = rf"\mathrm{{argmax}}_{{{_place(call)}}} {at(call['input'], 'n,c')}"
    return {"input": rf"\sum_i {at(call.gradient, 'n,c,i')} \left[j = {largest}\right]"}


def _average(call: Call) -> str | None:
    size = _size(call)
    return None if size is None else rf"\frac{{1}}{{{size}}} \sum_k {at(call['input'], f'n,c,{_place(call)}')}"


def _average_backward(call: Call) -> dict[str, str] | None:
    size = _size(call)
    if size is None:
        return None
    return {"input": rf"\frac{{1}}{{{size}}} \sum_{{i,k:\, {_place(call)} = j}} {at(call.gradient, 'n,c,i')}"}


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
ELEMENT = {"conv": "n,o,i", "max_pool": "n,c,i", "avg_pool": "n,c,i"}
INPUT_ELEMENT = {
    ("conv", "input"): "n,c,j",
    ("conv", "weight"): "o,c,k",
    ("conv", "bias"): "o",
    ("max_pool", "input"): "n,c,j",
    ("avg_pool", "input"): "n,c,j",
}

WINDOWS: dict[str, tuple[Callable, Callable]] = {
    "conv": (_conv, _conv_backward),
    "max_pool": (_max_pool, _max_pool_backward),
    "avg_pool": (_average, _average_backward),
}
