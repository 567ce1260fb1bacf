"""Batch, layer, group and instance normalisation: the same lines over other sets of elements."""

from __future__ import annotations

from ....explain.formulas.notation import number, space
from ..document import Line
from .step import Family, Step

__all__ = ["FAMILIES"]


def _indices(step: Step) -> str:
    """Return the indices of an element: n,c,i,j, or n,c."""
    if type(step.layer).__name__ == "LayerNorm":
        return ",".join(["n", *"ijklm"[: len(step.made_shape)]])
    return ",".join(["n", "c", *"ijk"[: len(step.made_shape) - 1]])


def _shared(step: Step) -> str:
    """Return the index of a set of elements that have their mean and variance in common."""
    kind = type(step.layer).__name__
    if kind.startswith("Batch"):
        return "c"
    if kind == "LayerNorm":
        rest = len(step.made_shape) - len(step.layer.normalized_shape)
        return ",".join(["n", *"ijklm"[:rest]])
    return "n,g" if kind == "GroupNorm" else "n,c"


def _count(step: Step) -> str:
    """Return how many elements share their mean."""
    kind, shape = type(step.layer).__name__, step.made_shape
    if kind.startswith("Batch"):
        return r" \cdot ".join(["N", *map(str, shape[1:])])
    sizes = step.layer.normalized_shape if kind == "LayerNorm" else shape[1:]
    count = 1
    for size in sizes:
        count *= size
    return str(count * shape[0] // step.layer.num_groups if kind == "GroupNorm" else count)


def _set(step: Step) -> str:
    """Return what is summed over."""
    shared = set(_shared(step).split(","))
    letters = [letter for letter in _indices(step).split(",") if letter not in shared]
    if "g" in shared:
        letters = [r"c \in g" if letter == "c" else letter for letter in letters]
    return ",".join(letters)


def _names(step: Step) -> dict[str, str]:
    mark = f"^{{({step.number})}}"
    affine = _indices(step).split(",")[1:] if type(step.layer).__name__ == "LayerNorm" else ["c"]
    if type(step.layer).__name__ == "LayerNorm":
        affine = affine[len(step.made_shape) - len(step.layer.normalized_shape) :]
    own = ",".join(affine)
    return {
        "mean": rf"\mu{mark}_{{{_shared(step)}}}",
        "variance": rf"v{mark}_{{{_shared(step)}}}",
        "normal": rf"\hat{{Z}}{mark}_{{{_indices(step)}}}",
        "scale": rf"\gamma{mark}_{{{own}}}",
        "shift": rf"\beta{mark}_{{{own}}}",
        "gradient": rf"G{mark}_{{{_indices(step)}}}",
    }


def _forward(step: Step) -> list[Line]:
    name, layer = _names(step), step.layer
    x = step.given.at(_indices(step))
    mean = rf"\frac{{1}}{{m}} \sum_{{{_set(step)}}}"
    scale = name["scale"] + r" \, " if layer.weight is not None else ""
    shift = f" + {name['shift']}" if layer.bias is not None else ""
    lines = [
        Line("m", _count(step)),
        Line(name["mean"], f"{mean} {x}"),
        Line(name["variance"], rf"{mean} \left({x} - {name['mean']}\right)^2"),
        Line(name["normal"], rf"\frac{{{x} - {name['mean']}}}{{\sqrt{{{name['variance']} + {number(layer.eps)}}}}}"),
        Line(step.made.at(_indices(step)), f"{scale}{name['normal']}{shift}", space("N", *step.made_shape)),
    ]
    if getattr(layer, "track_running_stats", False) and layer.momentum is not None:
        keep, take = number(round(1 - layer.momentum, 12)), number(layer.momentum)
        lines += [
            Line(r"\bar{\mu}_c", rf"{keep} \, \bar{{\mu}}_c + {take} \, {name['mean']}", relation=r"\leftarrow"),
            Line(
                r"\bar{v}_c",
                rf"{keep} \, \bar{{v}}_c + {take} \cdot \frac{{m}}{{m-1}} \, {name['variance']}",
                relation=r"\leftarrow",
            ),
        ]
    return lines


def _backward(step: Step) -> list[Line]:
    name, layer = _names(step), step.layer
    g = step.made.gradient_at(_indices(step))
    own = set(name["scale"].rpartition("_")[2].strip("{}").split(","))
    others = ",".join(letter for letter in _indices(step).split(",") if letter not in own)
    size = space(*layer.weight.shape) if layer.weight is not None else ""
    lines = []
    if step.learns("weight"):
        left = rf"\frac{{\partial L}}{{\partial {name['scale']}}}"
        lines.append(Line(left, rf"\sum_{{{others}}} {g} \, {name['normal']}", size))
    if step.learns("bias"):
        left = rf"\frac{{\partial L}}{{\partial {name['shift']}}}"
        lines.append(Line(left, rf"\sum_{{{others}}} {g}", size))
    if step.passes_on:
        scale = name["scale"] + r" \, " if layer.weight is not None else ""
        inner, mean = name["gradient"], rf"\frac{{1}}{{m}} \sum_{{{_set(step)}}}"
        centred = rf"{inner} - {mean} {inner} - {name['normal']} \, {mean} {inner} \, {name['normal']}"
        root = rf"\sqrt{{{name['variance']} + {number(layer.eps)}}}"
        lines += [
            Line(inner, f"{scale}{g}"),
            Line(
                step.given.gradient_at(_indices(step)),
                rf"\frac{{1}}{{{root}}} \left({centred}\right)",
                space("N", *step.given_shape),
            ),
        ]
    return lines


_NORM = Family("Y", _forward, _backward)

FAMILIES = {
    **{f"{kind}Norm{d}": _NORM for d in ("1d", "2d", "3d") for kind in ("Batch", "Instance")},
    "LayerNorm": _NORM,
    "GroupNorm": _NORM,
}
