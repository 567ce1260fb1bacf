"""Weighted sums, reshaping and dropout."""

from __future__ import annotations

from ....explain.formulas.notation import number, space
from ..document import Line
from .step import Family, Step

__all__ = ["FAMILIES"]


def _parameters(step: Step) -> list[Line]:
    rows, columns = step.layer.weight.shape
    lines = [Line(step.weight, "", space(rows, columns))]
    return [*lines, Line(step.bias, "", space(rows))] if step.layer.bias is not None else lines


def _sum(step: Step) -> list[Line]:
    shift = f" + {step.bias}" if step.layer.bias is not None else ""
    right = rf"{step.given.latex} \, {_transposed(step.weight)}{shift}"
    return [*_parameters(step), Line(step.made.latex, right, space("N", *step.made_shape))]


def _transposed(symbol: str) -> str:
    return symbol[:-1] + r"\top}"


def _sum_backward(step: Step) -> list[Line]:
    rows, columns = step.layer.weight.shape
    g = step.made.gradient
    lines = []
    if step.learns("weight"):
        turned = _transposed(g) if step.made.is_sum else rf"\left({g}\right)^{{\top}}"
        lines.append(
            Line(
                rf"\frac{{\partial L}}{{\partial {step.weight}}}",
                rf"{turned} \, {step.given.latex}",
                space(rows, columns),
            )
        )
    if step.learns("bias"):
        left = rf"\frac{{\partial L}}{{\partial {step.bias}}}"
        lines.append(Line(left, rf"\sum_{{n=1}}^{{N}} {step.made.gradient_at('n')}", space(rows)))
    if step.passes_on:
        lines.append(Line(step.given.gradient, rf"{g} \, {step.weight}", space("N", *step.given_shape)))
    return lines


def _reshape(step: Step) -> list[Line]:
    name = type(step.layer).__name__.lower()
    right = rf"\operatorname{{{name}}}({step.given.latex})"
    return [Line(step.made.latex, right, space("N", *step.made_shape))]


def _reshape_backward(step: Step) -> list[Line]:
    right = rf"\operatorname{{reshape}}\left({step.made.gradient}\right)"
    return [Line(step.given.gradient, right, space("N", *step.given_shape))] if step.passes_on else []


def _mask(step: Step) -> str:
    return f"M^{{({step.number})}}"


def _drop(step: Step) -> list[Line]:
    keep = number(round(1 - step.layer.p, 12))
    whole = type(step.layer).__name__ != "Dropout"
    sizes = (step.made_shape[0], *(1 for _ in step.made_shape[1:])) if whole else step.made_shape
    share = "" if keep == "1" else rf"\frac{{1}}{{{keep}}} \,"
    return [
        Line(_mask(step), rf"\operatorname{{Bernoulli}}({keep})", space("N", *sizes), relation=r"\sim"),
        Line(step.made.latex, rf"{share} {_mask(step)} \odot {step.given.latex}", space("N", *step.made_shape)),
    ]


def _drop_backward(step: Step) -> list[Line]:
    keep = number(round(1 - step.layer.p, 12))
    share = "" if keep == "1" else rf"\frac{{1}}{{{keep}}} \,"
    right = rf"{share} {_mask(step)} \odot {step.made.gradient}"
    return [Line(step.given.gradient, right, space("N", *step.given_shape))] if step.passes_on else []


_RESHAPE = Family("F", _reshape, _reshape_backward)
_DROPOUT = Family("D", _drop, _drop_backward)

FAMILIES = {
    "Linear": Family("Z", _sum, _sum_backward, weighted=True),
    "Flatten": _RESHAPE,
    "Unflatten": _RESHAPE,
    **{f"Dropout{dimension}": _DROPOUT for dimension in ("", "1d", "2d", "3d")},
}
