"""Activations: their formulas are the registry's where one primitive does the work."""

from __future__ import annotations

from typing import Any

from ....core.primitive import REGISTRY
from ....explain.formulas.notation import applied, number, space
from ..document import Line
from .step import Family, Step

__all__ = ["FAMILIES"]

# A layer's primitive, and which of the layer's options the letters of its formula are.
_PRIMITIVES: dict[str, tuple[str, dict[str, str]]] = {
    "ReLU": ("relu", {}),
    "ReLU3": ("relu3", {}),
    "LeakyReLU": ("leaky_relu", {"a": "negative_slope"}),
    "Hardtanh": ("hardtanh", {"a": "min_val", "b": "max_val"}),
    "ReLU6": ("hardtanh", {"a": "min_val", "b": "max_val"}),
    "Tanh": ("tanh", {}),
    "GELU": ("gelu", {}),
}

# Formula and derivative, with x the input, y the output, and letters for options; "scaled" where one is not 1.
_WRITTEN: dict[str, tuple[str, str, dict[str, str]]] = {
    "Sigmoid": (r"\frac{1}{1 + e^{-x}}", r"y \odot (1 - y)", {}),
    "LogSigmoid": (r"-\ln\left(1 + e^{-x}\right)", r"\frac{1}{1 + e^{x}}", {}),
    "SiLU": (r"\frac{x}{1 + e^{-x}}", r"\frac{1 + e^{-x} + x \odot e^{-x}}{\left(1 + e^{-x}\right)^2}", {}),
    "Softsign": (r"\frac{x}{1 + |x|}", r"\frac{1}{\left(1 + |x|\right)^2}", {}),
    "Softplus": (r"\ln\left(1 + e^{x}\right)", r"\frac{1}{1 + e^{-x}}", {"s": "beta"}),
    "Softplus scaled": (r"\frac{1}{s} \ln\left(1 + e^{s x}\right)", r"\frac{1}{1 + e^{-s x}}", {"s": "beta"}),
    "Tanhshrink": (r"x - \tanh x", r"\tanh^2 x", {}),
    "ELU": (r"\max(x, 0) + e^{\min(x, 0)} - 1", r"[x > 0] + e^{x} \odot [x \le 0]", {"a": "alpha"}),
    "ELU scaled": (
        r"\max(x, 0) + a \left(e^{\min(x, 0)} - 1\right)",
        r"[x > 0] + a \, e^{x} \odot [x \le 0]",
        {"a": "alpha"},
    ),
    "SELU": (
        r"1.0507 \left(\max(x, 0) + 1.67326 \left(e^{\min(x, 0)} - 1\right)\right)",
        r"1.0507 \left([x > 0] + 1.67326 \, e^{x} \odot [x \le 0]\right)",
        {},
    ),
    "Hardsigmoid": (r"\frac{1}{6} \min(\max(x + 3, 0), 6)", r"\frac{1}{6} [-3 < x < 3]", {}),
    "Hardswish": (
        r"\frac{1}{6} \, x \odot \min(\max(x + 3, 0), 6)",
        r"\frac{2 x + 3}{6} \odot [-3 < x < 3] + [x \ge 3]",
        {},
    ),
}


def formulas(layer: Any) -> tuple[str, str] | None:
    """Return a layer's formula and derivative in x and y, its options filled in; None for one that is not known here."""
    kind = type(layer).__name__
    if kind == "GELU" and layer.approximate != "none":
        return None
    if kind in _PRIMITIVES:
        name, letters = _PRIMITIVES[kind]
        found = REGISTRY[name].formula, REGISTRY[name].derivative
    elif kind in _WRITTEN:
        *_, letters = _WRITTEN[kind]
        scaled = f"{kind} scaled"
        changed = scaled in _WRITTEN and any(getattr(layer, option) != 1 for option in letters.values())
        found = _WRITTEN[scaled if changed else kind][:2]
    else:
        return None
    options = {letter: number(getattr(layer, option)) for letter, option in letters.items()}
    return applied(found[0], options), applied(found[1], options)


def _forward(step: Step) -> list[Line]:
    formula, _ = _known(step)
    return [Line(step.made.latex, applied(formula, {"x": step.given.latex}), space("N", *step.made_shape))]


def _backward(step: Step) -> list[Line]:
    if not step.passes_on:
        return []
    _, derivative = _known(step)
    factor = applied(derivative, {"x": step.given.latex, "y": step.made.latex})
    single = factor.startswith("[") and factor.count("[") == 1 and factor.endswith("]")
    if not single and not factor.startswith((r"\frac", step.made.latex)):
        factor = rf"\left({factor}\right)"
    right = rf"{step.made.gradient} \odot {factor}"
    return [Line(step.given.gradient, right, space("N", *step.given_shape))]


def _known(step: Step) -> tuple[str, str]:
    found = formulas(step.layer)
    assert found is not None
    return found


def _slope(step: Step) -> str:
    return step.symbols()["weight"]


def _prelu(step: Step) -> list[Line]:
    z = step.given.latex
    right = rf"\max({z}, 0) + {_slope(step)} \min({z}, 0)"
    return [Line(step.made.latex, right, space("N", *step.made_shape))]


def _prelu_backward(step: Step) -> list[Line]:
    g, z = step.made.gradient, step.given.latex
    lines = []
    if step.learns("weight"):
        left = rf"\frac{{\partial L}}{{\partial {_slope(step)}}}"
        lines.append(Line(left, rf"\sum {g} \odot \min({z}, 0)", space(*step.layer.weight.shape)))
    if step.passes_on:
        right = rf"{g} \odot \left([{z} > 0] + {_slope(step)} [{z} \le 0]\right)"
        lines.append(Line(step.given.gradient, right, space("N", *step.given_shape)))
    return lines


def _softmax(step: Step) -> list[Line]:
    z = step.given
    below = rf"\sum_{{j}} e^{{{z.at('n,j')}}}"
    share = rf"\frac{{e^{{{z.at('n,k')}}}}}{{{below}}}"
    logarithm = type(step.layer).__name__ == "LogSoftmax"
    right = rf"{z.at('n,k')} - \ln {below}" if logarithm else share
    return [Line(step.made.at("n,k"), right, space("N", *step.made_shape))]


def _softmax_backward(step: Step) -> list[Line]:
    if not step.passes_on:
        return []
    g, a = step.made.gradient_at, step.made.at
    if type(step.layer).__name__ == "LogSoftmax":
        right = rf"{g('n,k')} - e^{{{a('n,k')}}} \sum_{{j}} {g('n,j')}"
    else:
        right = rf"{a('n,k')} \left({g('n,k')} - \sum_{{j}} {g('n,j')} \, {a('n,j')}\right)"
    return [Line(step.given.gradient_at("n,k"), right, space("N", *step.given_shape))]


_ACTIVATION = Family("A", _forward, _backward)
_SOFTMAX = Family("A", _softmax, _softmax_backward)

FAMILIES = {
    **dict.fromkeys([*_PRIMITIVES, *(kind for kind in _WRITTEN if " " not in kind)], _ACTIVATION),
    "PReLU": Family("A", _prelu, _prelu_backward),
    "Softmax": _SOFTMAX,
    "LogSoftmax": _SOFTMAX,
}
