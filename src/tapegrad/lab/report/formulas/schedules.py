r"""A schedule's rate \eta_t with a run's numbers; t counts what the schedule is stepped by, from 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....explain.formulas.notation import number
from ..document import Line

__all__ = ["schedule_lines"]

_RATE = r"\eta_t"
_NEXT = r" \\ "


def schedule_lines(name: str, options: dict[str, Any], rate: float) -> list[Line] | None:
    """Return the lines of a schedule that begins at ``rate``; None for one that is not known here.

    ``options`` are the schedule's arguments, its defaults among them.
    """
    rule = _RULES.get(name)
    return None if rule is None else rule(options, number(rate))


def _cases(cases: list[str]) -> str:
    return rf"\begin{{cases}} {_NEXT.join(cases)} \end{{cases}}"


def _step(o: dict, rate: str) -> list[Line]:
    return [Line(_RATE, rf"{rate} \cdot {number(o['gamma'])}^{{\lfloor t / {o['step_size']} \rfloor}}")]


def _milestones(o: dict, rate: str) -> list[Line]:
    places = [int(place) for place in o["milestones"]]
    gamma = number(o["gamma"])
    cases = [rf"{rate} & t < {places[0]}"] if places else [f"{rate} & t \\ge 0"]
    for i, place in enumerate(places, 1):
        end = rf" \le t < {places[i]}" if i < len(places) else r" \le t"
        cases.append(rf"{rate} \cdot {gamma}^{{{i}}} & {place}{end}")
    return [Line(_RATE, _cases(cases))]


def _constant(o: dict, rate: str) -> list[Line]:
    n = o["total_iters"]
    cases = rf"{rate} \cdot {number(o['factor'])} & t < {n} \\ {rate} & t \ge {n}"
    return [Line(_RATE, _cases([cases]))]


def _linear(o: dict, rate: str) -> list[Line]:
    first, last, n = o["start_factor"], o["end_factor"], o["total_iters"]
    change = number(round(last - first, 12))
    sign = "-" if change.startswith("-") else "+"
    share = rf"\frac{{\min(t, {n})}}{{{n}}}"
    return [Line(_RATE, rf"{rate} \left({number(first)} {sign} {change.lstrip('-')} \, {share}\right)")]


def _exponential(o: dict, rate: str) -> list[Line]:
    return [Line(_RATE, rf"{rate} \cdot {number(o['gamma'])}^{{t}}")]


def _polynomial(o: dict, rate: str) -> list[Line]:
    n, power = o["total_iters"], number(o["power"])
    exponent = "" if power == "1" else f"^{{{power}}}"
    return [Line(_RATE, rf"{rate} \left(1 - \frac{{\min(t, {n})}}{{{n}}}\right){exponent}")]


def _inverse(o: dict, rate: str) -> list[Line]:
    return [Line(_RATE, rf"\frac{{{rate}}}{{1 + {number(o['decay'])} \, t}}")]


def _cosine(o: dict, rate: str) -> list[Line]:
    return [Line(_RATE, _half_wave(o["eta_min"], rate, rf"\frac{{t}}{{{o['T_max']}}}"))]


def _half_wave(low: float, rate: str, share: str) -> str:
    shift = "" if low == 0 else f"{number(low)} + "
    height = rate if low == 0 else rf"\left({rate} - {number(low)}\right)"
    return rf"{shift}\frac{{1}}{{2}} \, {height} \left(1 + \cos\left(\pi \, {share}\right)\right)"


def _restarts(o: dict, rate: str) -> list[Line]:
    first, factor = o["T_0"], o["T_mult"]
    length = str(first) if factor == 1 else rf"{first} \cdot {factor}^{{i}}"
    begin = rf"{first} \, i" if factor == 1 else rf"{first} \, \frac{{{factor}^{{i}} - 1}}{{{factor - 1}}}"
    return [
        Line("T_i", length),
        Line("u", rf"t - {begin}, \quad 0 \le u < T_i"),
        Line(_RATE, _half_wave(o["eta_min"], rate, r"\frac{u}{T_i}")),
    ]


def _one_cycle(o: dict, rate: str) -> list[Line]:
    high = number(o["max_lr"])
    total = o.get("total_steps") or (o.get("epochs") or 1) * (o.get("steps_per_epoch") or 1)
    first, last = o["max_lr"] / o["div_factor"], o["max_lr"] / o["div_factor"] / o["final_div_factor"]
    up = round(o["pct_start"] * total - 1, 6)
    down = round(total - 1 - up, 6)
    lines = []
    if o.get("anneal_strategy", "cos") == "cos":
        lines.append(Line("h(x)", r"\frac{1}{2} \left(1 + \cos(\pi x)\right)"))
    else:
        lines.append(Line("h(x)", "1 - x"))
    if o.get("three_phase"):
        end = round(2 * o["pct_start"] * total - 2, 6)
        rest = round(total - 1 - end, 6)
        cases = [
            _between(high, number(first), rf"t / {number(up)}", rf"t \le {number(up)}"),
            _between(number(first), high, rf"(t - {number(up)}) / {number(up)}", rf"t \le {number(end)}"),
            _between(number(last), number(first), rf"(t - {number(end)}) / {number(rest)}", rf"t > {number(end)}"),
        ]
    else:
        cases = [
            _between(high, number(first), rf"t / {number(up)}", rf"t \le {number(up)}"),
            _between(number(last), high, rf"(t - {number(up)}) / {number(down)}", rf"t > {number(up)}"),
        ]
    return [*lines, Line(_RATE, _cases(cases))]


def _between(end: str, start: str, share: str, condition: str) -> str:
    return rf"{end} + \left({start} - {end}\right) h({share}) & {condition}"


def _cyclic(o: dict, rate: str) -> list[Line]:
    up = o["step_size_up"]
    down = o.get("step_size_down") or up
    low, high = number(o["base_lr"]), number(o["max_lr"])
    scale = {
        "triangular": "",
        "triangular2": r" \, 2^{-\lfloor t / " + str(up + down) + r" \rfloor}",
        "exp_range": rf" \cdot {number(o['gamma'])}^{{t}}",
    }.get(o["mode"], "")
    return [
        Line("u", rf"\frac{{t}}{{{up + down}}} - \left\lfloor \frac{{t}}{{{up + down}}} \right\rfloor"),
        Line("h", rf"\min\left(\frac{{{up + down}}}{{{up}}} \, u, \frac{{{up + down}}}{{{down}}} \, (1 - u)\right)"),
        Line(_RATE, rf"{low} + \left({high} - {low}\right) h{scale}"),
    ]


def _plateau(o: dict, rate: str) -> list[Line]:
    low = number(o["min_lr"]) if isinstance(o["min_lr"], (int, float)) else "0"
    return [
        Line(r"\eta_0", rate),
        Line(
            r"\eta_{t+1}",
            rf"\begin{{cases}} \max({number(o['factor'])} \, \eta_t, {low}) & b > {o['patience']} \\ "
            rf"\eta_t & b \le {o['patience']} \end{{cases}}",
        ),
    ]


_RULES: dict[str, Callable[[dict, str], list[Line]]] = {
    "StepLR": _step,
    "MultiStepLR": _milestones,
    "ConstantLR": _constant,
    "LinearLR": _linear,
    "ExponentialLR": _exponential,
    "PolynomialLR": _polynomial,
    "InverseTimeLR": _inverse,
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _restarts,
    "OneCycleLR": _one_cycle,
    "CyclicLR": _cyclic,
    "ReduceLROnPlateau": _plateau,
}
