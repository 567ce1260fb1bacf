"""Losses, their gradients with respect to the network's output, and penalties on the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ....explain.formulas.notation import Symbol, number, space
from ..document import Line

__all__ = ["loss_lines", "penalty_lines"]

_Pair = tuple[list[Line], list[Line]]


def loss_lines(loss: Any, output: Symbol, shape: Sequence[int]) -> _Pair | None:
    """Return the lines of a loss, and of its gradient with respect to the output; None for one that is not known here.

    ``shape`` is the output's, of one sample. Y stands for the classes as one-hot rows, T for target values.
    """
    kind = type(loss).__name__
    if kind not in _LOSSES or getattr(loss, "reduction", "mean") == "none":
        return None
    if any(getattr(loss, name, None) is not None for name in ("weight", "pos_weight")):
        return None
    if kind in ("CrossEntropyLoss", "NLLLoss") and len(shape) != 1:
        return None
    forward, right = _LOSSES[kind](loss, output, tuple(shape))
    return forward, [Line(output.gradient, right, space("N", *shape))]


def _share(loss: Any, size: int, top: int = 1) -> str:
    """Return one over the number of samples and outputs, or nothing where they are only added up."""
    if loss.reduction == "sum":
        return "" if top == 1 else f"{top} "
    return rf"\frac{{{top}}}{{{'N' if size == 1 else f'{size} N'}}} "


def _cross_entropy(loss: Any, z: Symbol, shape: tuple[int, ...]) -> tuple[list[Line], str]:
    mean = _share(loss, 1)
    classes = shape[0]
    smoothing = getattr(loss, "label_smoothing", 0.0)
    lines = [
        Line(
            "P_{n,k}",
            rf"\frac{{e^{{{z.at('n,k')}}}}}{{\sum_{{j=1}}^{{{classes}}} e^{{{z.at('n,j')}}}}}",
            space("N", classes),
        ),
    ]
    if smoothing:
        target = r"\tilde{Y}"
        lines += [
            Line(
                target,
                rf"{number(1 - smoothing)} \, Y + \frac{{{number(smoothing)}}}{{{classes}}}",
                space("N", classes),
            ),
            Line("L", rf"-{mean}\sum_{{n=1}}^{{N}} \sum_{{k=1}}^{{{classes}}} {target}_{{n,k}} \ln P_{{n,k}}", space()),
        ]
    else:
        target = "Y"
        lines.append(Line("L", rf"-{mean}\sum_{{n=1}}^{{N}} \ln P_{{n,y_n}}", space()))
    right = rf"{mean}\left(P - {target}\right)" if mean else f"P - {target}"
    return lines, right


def _nll(loss: Any, a: Symbol, shape: tuple[int, ...]) -> tuple[list[Line], str]:
    mean = _share(loss, 1)
    return [Line("L", rf"-{mean}\sum_{{n=1}}^{{N}} {a.at('n,y_n')}", space())], f"-{mean}Y"


def _differences(term: str, derivative: str, top: int = 1) -> Callable:
    """Return the lines of a loss that adds a function of D, output minus target, up."""

    def lines(loss: Any, z: Symbol, shape: tuple[int, ...]) -> tuple[list[Line], str]:
        size = math.prod(shape)
        indices = "n" if size == 1 else "n,k"
        bound = number(getattr(loss, "delta", getattr(loss, "beta", 1.0)))
        inside = term.replace("D", f"D_{{{indices}}}").replace("<b>", bound)
        forward = [
            Line("D", f"{z.latex} - T", space("N", *shape)),
            Line("L", rf"{_share(loss, size)}\sum_{{{indices}}} {inside}", space()),
        ]
        return forward, f"{_share(loss, size, top)}{derivative.replace('<b>', bound)}"

    return lines


def _binary(loss: Any, z: Symbol, shape: tuple[int, ...]) -> tuple[list[Line], str]:
    size = math.prod(shape)
    share = _share(loss, size)
    indices = "n" if size == 1 else "n,k"
    logits = type(loss).__name__ == "BCEWithLogitsLoss"
    p = f"P_{{{indices}}}" if logits else z.at(indices)
    lines = [Line("P", rf"\frac{{1}}{{1 + e^{{-{z.latex}}}}}", space("N", *shape))] if logits else []
    terms = rf"T_{{{indices}}} \ln {p} + (1 - T_{{{indices}}}) \ln\left(1 - {p}\right)"
    lines.append(Line("L", rf"-{share}\sum_{{{indices}}} \left({terms}\right)", space()))
    if logits:
        return lines, rf"{share}\left(P - T\right)"
    return lines, rf"{share}\frac{{{z.latex} - T}}{{{z.latex} \odot \left(1 - {z.latex}\right)}}"


_LOSSES: dict[str, Callable] = {
    "CrossEntropyLoss": _cross_entropy,
    "NLLLoss": _nll,
    "MSELoss": _differences("D^2", "D", top=2),
    "L1Loss": _differences("|D|", r"\mathrm{sign}(D)"),
    "HuberLoss": _differences(
        r"\begin{cases} D^2 / 2 & |D| \le <b> \\ <b> \left(|D| - <b> / 2\right) & |D| > <b> \end{cases}",
        r"\min(\max(D, -<b>), <b>)",
    ),
    "SmoothL1Loss": _differences(
        r"\begin{cases} D^2 / (2 \cdot <b>) & |D| < <b> \\ |D| - <b> / 2 & |D| \ge <b> \end{cases}",
        r"\min(\max(D / <b>, -1), 1)",
    ),
    "BCELoss": _binary,
    "BCEWithLogitsLoss": _binary,
}


# -- penalties ----------------------------------------------------------------------------------------------------------


def penalty_lines(penalties: Sequence[Any], symbols: dict[str, str]) -> list[Line]:
    """Return the lines of all penalties, of the objective, and of what they add to the gradients.

    ``penalties`` have ``parameters`` (a pattern), ``l1`` and ``l2``; ``symbols`` are those of the parameters by name.
    """
    factors: dict[str, tuple[float, float]] = {}
    for entry in penalties:
        for name, symbol in symbols.items():
            if fnmatchcase(name, entry.parameters):
                l1, l2 = factors.get(symbol, (0.0, 0.0))
                factors[symbol] = (l1 + entry.l1, l2 + entry.l2)
    groups: dict[tuple[float, float], list[str]] = {}
    for symbol, pair in factors.items():
        if any(pair):
            groups.setdefault(pair, []).append(symbol)
    terms: list[str] = []
    gradients: list[Line] = []
    for (l1, l2), chosen in groups.items():
        members = ",".join(chosen) if len(chosen) <= 4 else rf"{chosen[0]},{chosen[1]},\dots,{chosen[-1]}"
        inside = rf"\sum_{{w \in {members}}}"
        pieces = [(l1, "|w|", l1, r"\mathrm{sign}(w)"), (l2, "w^2", 2 * l2, "w")]
        terms += [rf"{number(factor)} {inside} {what}" for factor, what, *_ in pieces if factor]
        slope = " + ".join(rf"{number(slope)} \, {what}" for *_, slope, what in pieces if slope)
        gradients.append(Line(r"\frac{\partial \Omega}{\partial w}", rf"{slope}, \quad w \in {members}"))
    if not terms:
        return []
    lines = [Line(r"\Omega", terms[0]), *(Line("", term, relation="+") for term in terms[1:])]
    return [*lines, Line("J", r"L + \Omega", space()), *gradients]
