"""Convolutions and pooling. Indices begin at 0: sample n, channels c and o, places (i, j), within a window (u, v)."""

from __future__ import annotations

from typing import Any

from ....explain.formulas.notation import number, space, sum_over
from ..document import Line
from .step import Family, Step

__all__ = ["FAMILIES"]


def _each(value: Any, count: int) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * count


def _letters(step: Step) -> tuple[str, str, str]:
    """Return the letters of output places, places in a window, and input places."""
    count = len(step.given_shape) - 1
    return "ijk"[:count], "uvw"[:count], "pqr"[:count]


def _place(out: str, inside: str, stride: int, dilation: int, padding: int) -> str:
    """Return where an element of a window lies: 2i+u-1."""
    first = out if stride == 1 else f"{stride}{out}"
    second = inside if dilation == 1 else f"{dilation}{inside}"
    return f"{first}+{second}" + (f"-{padding}" if padding else "")


def _paddings(layer: Any, count: int) -> tuple[int, ...]:
    if layer.padding == "valid":
        return (0,) * count
    if layer.padding == "same":
        return tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    return _each(layer.padding, count)


def _places(step: Step) -> str:
    out, inside, _ = _letters(step)
    layer = step.layer
    options = zip(out, inside, layer.stride, layer.dilation, _paddings(layer, len(out)), strict=True)
    return ",".join(_place(*option) for option in options)


def _window(step: Step) -> str:
    r"""Return the sums over the channels that a filter sees and over its window."""
    _, inside, _ = _letters(step)
    layer = step.layer
    sums = rf"\sum_{{c=0}}^{{{layer.in_channels // layer.groups - 1}}}"
    return sums + "".join(
        rf" \sum_{{{letter}=0}}^{{{size - 1}}}" for letter, size in zip(inside, layer.kernel_size, strict=True)
    )


def _channel(step: Step) -> str:
    """Return the input channel that a filter's channel c is."""
    layer = step.layer
    if layer.groups == 1:
        return "c"
    per_group, seen = layer.out_channels // layer.groups, layer.in_channels // layer.groups
    group = "o" if per_group == 1 else rf"\lfloor o/{per_group} \rfloor"
    return group if seen == 1 else rf"{seen} {group} + c"


def _parameters(step: Step) -> list[Line]:
    lines = [Line(step.weight, "", space(*step.layer.weight.shape))]
    return [*lines, Line(step.bias, "", space(step.layer.out_channels))] if step.layer.bias is not None else lines


def _conv(step: Step) -> list[Line]:
    out, inside, _ = _letters(step)
    shift = rf"{step.bias}_o + " if step.layer.bias is not None else ""
    weight = f"{step.weight}_{{o,c,{','.join(inside)}}}"
    right = rf"{shift}{_window(step)} {weight} \, {step.given.at(f'n,{_channel(step)},{_places(step)}')}"
    left = step.made.at(f"n,o,{','.join(out)}")
    return [*_parameters(step), Line(left, right, space("N", *step.made_shape))]


def _conv_backward(step: Step) -> list[Line]:
    out, inside, places = _letters(step)
    g = step.made.gradient_at(f"n,o,{','.join(out)}")
    weight = f"{step.weight}_{{o,c,{','.join(inside)}}}"
    lines = []
    if step.learns("weight"):
        seen = step.given.at(f"n,{_channel(step)},{_places(step)}")
        left = rf"\frac{{\partial L}}{{\partial {weight}}}"
        lines.append(Line(left, rf"{sum_over('n', *out)} {g} \, {seen}", space(*step.layer.weight.shape)))
    if step.learns("bias"):
        left = rf"\frac{{\partial L}}{{\partial {step.bias}_o}}"
        lines.append(Line(left, f"{sum_over('n', *out)} {g}", space(step.layer.out_channels)))
    if step.passes_on:
        where = _places(step).split(",")
        condition = _listed([f"{place}={p}" for place, p in zip(where, places, strict=True)])
        both = ",".join([*out, *inside])
        sums = r"\sum_o" if step.layer.groups == 1 else r"\sum_{o \text{ of the group of } c}"
        right = rf"{sums} \sum_{{{both}:\, {condition}}} {weight} \, {g}"
        left = step.given.gradient_at(f"n,c,{','.join(places)}")
        lines.append(Line(left, right, space("N", *step.given_shape)))
    return lines


# -- pooling ------------------------------------------------------------------------------------------------------------


def _listed(conditions: list[str]) -> str:
    return r",\,".join(conditions)


def _region(step: Step) -> str:
    """Return the name of a window: R_{i,j}."""
    return f"R_{{{','.join(_letters(step)[0])}}}"


def _region_line(step: Step) -> Line:
    out, inside, places = _letters(step)
    layer = step.layer
    if hasattr(layer, "output_size"):
        bounds = [
            rf"\lfloor {a} {o} / {b} \rfloor \le {p} < \lceil {a} ({o}+1) / {b} \rceil"
            if b > 1
            else rf"0 \le {p} < {a}"
            for o, p, a, b in zip(out, places, step.given_shape[1:], step.made_shape[1:], strict=True)
        ]
        return Line(_region(step), rf"\{{({','.join(places)}) : {_listed(bounds)}\}}")
    count = len(out)
    options = (_each(getattr(layer, name, 1), count) for name in ("stride", "dilation", "padding"))
    where = ",".join(_place(*option) for option in zip(out, inside, *options, strict=True))
    sizes = _each(layer.kernel_size, count)
    bounds = [rf"0 \le {letter} < {size}" for letter, size in zip(inside, sizes, strict=True)]
    if len(set(sizes)) == 1:
        bounds = [rf"0 \le {','.join(inside)} < {sizes[0]}"]
    return Line(_region(step), rf"\{{({where}) : {_listed(bounds)}\}}")


def _largest(step: Step) -> list[Line]:
    out, _, places = (",".join(letters) for letters in _letters(step))
    right = rf"\max_{{({places}) \in {_region(step)}}} {step.given.at(f'n,c,{places}')}"
    return [_region_line(step), Line(step.made.at(f"n,c,{out}"), right, space("N", *step.made_shape))]


def _largest_backward(step: Step) -> list[Line]:
    if not step.passes_on:
        return []
    out, _, places = (",".join(letters) for letters in _letters(step))
    where = rf"\operatorname{{argmax}}_{{{_region(step)}}} {step.given.latex}_{{n,c}}"
    right = rf"\sum_{{{out}}} {step.made.gradient_at(f'n,c,{out}')} \left[({places}) = {where}\right]"
    return [Line(step.given.gradient_at(f"n,c,{places}"), right, space("N", *step.given_shape))]


def _share(step: Step) -> str:
    """Return one over the number of a window's elements."""
    layer = step.layer
    if getattr(layer, "divisor_override", None):
        return rf"\frac{{1}}{{{number(layer.divisor_override)}}}"
    counts_padding = getattr(layer, "count_include_pad", False) or not any(_each(getattr(layer, "padding", 0), 1))
    if hasattr(layer, "kernel_size") and counts_padding and not layer.ceil_mode:
        size = 1
        for length in _each(layer.kernel_size, len(step.given_shape) - 1):
            size *= length
        return rf"\frac{{1}}{{{size}}}"
    return rf"\frac{{1}}{{|{_region(step)}|}}"


def _average(step: Step) -> list[Line]:
    out, _, places = (",".join(letters) for letters in _letters(step))
    right = rf"{_share(step)} \sum_{{({places}) \in {_region(step)}}} {step.given.at(f'n,c,{places}')}"
    return [_region_line(step), Line(step.made.at(f"n,c,{out}"), right, space("N", *step.made_shape))]


def _average_backward(step: Step) -> list[Line]:
    if not step.passes_on:
        return []
    out, _, places = (",".join(letters) for letters in _letters(step))
    right = rf"\sum_{{{out}:\, ({places}) \in {_region(step)}}} {_share(step)} \, {step.made.gradient_at(f'n,c,{out}')}"
    return [Line(step.given.gradient_at(f"n,c,{places}"), right, space("N", *step.given_shape))]


_CONV = Family("Z", _conv, _conv_backward, weighted=True)
_MAX = Family("P", _largest, _largest_backward)
_MEAN = Family("P", _average, _average_backward)
_DIMENSIONS = ("1d", "2d", "3d")

FAMILIES = {
    **{f"Conv{d}": _CONV for d in _DIMENSIONS},
    **{f"{prefix}MaxPool{d}": _MAX for d in _DIMENSIONS for prefix in ("", "Adaptive")},
    **{f"{prefix}AvgPool{d}": _MEAN for d in _DIMENSIONS for prefix in ("", "Adaptive")},
}
