"""An optimizer's update rule with a run's numbers: w a parameter, g its gradient, t the number of the update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....explain.formulas.notation import number
from ..document import Line

__all__ = ["update_lines"]

_Options = dict[str, Any]


def update_lines(
    name: str,
    options: _Options,
    *,
    scheduled: bool = False,
    penalised: bool = False,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    accumulate: int = 1,
    ema: float | None = None,
    cycled: bool = False,
) -> list[Line] | None:
    """Return what happens between the gradient and the new weights; None for an optimizer that is not known here.

    ``options`` are the optimizer's, with its defaults. ``scheduled``: the rate is the schedule's, written as a symbol;
    ``cycled``: so is the momentum, or Adam's first factor of decay.
    """
    rule = _RULES.get(name)
    if rule is None:
        return None
    objective = "J" if penalised else "L"
    gradient = rf"\frac{{\partial {objective}}}{{\partial w}}(w_t)"
    if accumulate > 1:
        gradient = rf"\frac{{1}}{{{accumulate}}} \sum_{{i=1}}^{{{accumulate}}} \frac{{\partial {objective}_i}}{{\partial w}}(w_t)"
    lines = [Line("g_t", ("-" if options.get("maximize") else "") + gradient)]
    if clip_norm is not None:
        lines.append(_set("g_t", rf"g_t \cdot \min\left(1, \frac{{{number(clip_norm)}}}{{\lVert g_t \rVert_2}}\right)"))
    if clip_value is not None:
        bound = number(clip_value)
        lines.append(_set("g_t", rf"\min(\max(g_t, -{bound}), {bound})"))
    rate = r"\eta_t" if scheduled else number(options.get("lr", 0.0))
    decay = options.get("weight_decay", 0)
    decoupled = name == "AdamW" or options.get("decoupled_weight_decay")
    if decay and decoupled:
        lines.append(_set("w_t", rf"\left(1 - {rate} \cdot {number(decay)}\right) w_t"))
    elif decay:
        lines.append(_set("g_t", rf"g_t + {number(decay)} \, w_t"))
    if cycled and "betas" in options:
        options = {**options, "betas": (_CYCLED, options["betas"][1])}
    elif cycled and "momentum" in options:
        options = {**options, "momentum": _CYCLED}
    lines += rule(options, rate)
    if ema is not None:
        lines.append(Line("d_t", rf"\min\left({number(ema)}, \frac{{t}}{{9 + t}}\right)"))
        lines.append(Line(r"\bar{w}_{t+1}", r"d_t \, \bar{w}_t + (1 - d_t) \, w_{t+1}"))
    return lines


def _set(left: str, right: str) -> Line:
    return Line(left, right, relation=r"\leftarrow")


# What the schedule sets, as its own formula calls it.
_CYCLED = r"\mu_t"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)


def _power(value: float | str) -> str:
    return rf"\left({value}\right)^t" if isinstance(value, str) else f"{number(value)}^t"


def _new(step: str) -> Line:
    return Line("w_{t+1}", f"w_t - {step}")


def _average(symbol: str, share: float | str, what: str) -> Line:
    """Return the line of a running average."""
    take = f"(1 - {share})" if isinstance(share, str) else number(round(1 - share, 12))
    keep = _shown(share)
    return Line(f"{symbol}_t", rf"{keep} \, {symbol}_{{t-1}} + {take} \, {what}")


def _sgd(o: _Options, rate: str) -> list[Line]:
    if not o.get("momentum"):
        return [_new(rf"{rate} \, g_t")]
    momentum = _shown(o["momentum"])
    if o.get("classic"):
        velocity = Line("v_t", rf"{momentum} \, v_{{t-1}} - {rate} \, g_t")
        step = rf"w_t + {momentum} \, v_t - {rate} \, g_t" if o.get("nesterov") else "w_t + v_t"
        return [velocity, Line("w_{t+1}", step)]
    share = f"{number(round(1 - o['dampening'], 12))} \\, " if o.get("dampening") else ""
    velocity = Line("v_t", rf"{momentum} \, v_{{t-1}} + {share}g_t")
    if o.get("nesterov"):
        return [velocity, _new(rf"{rate} \left(g_t + {momentum} \, v_t\right)")]
    return [velocity, _new(rf"{rate} \, v_t")]


def _adam(o: _Options, rate: str) -> list[Line]:
    first, second = o["betas"]
    lines = [_average("m", first, "g_t"), _average("s", second, "g_t^2")]
    square = "s_t"
    if o.get("amsgrad"):
        lines.append(Line("u_t", r"\max(u_{t-1}, s_t)"))
        square = "u_t"
    lines += [
        Line(r"\hat{m}_t", rf"\frac{{m_t}}{{1 - {_power(first)}}}"),
        Line(r"\hat{s}_t", rf"\frac{{{square}}}{{1 - {number(second)}^t}}"),
        _new(rf"{rate} \, \frac{{\hat{{m}}_t}}{{\sqrt{{\hat{{s}}_t}} + {number(o['eps'])}}}"),
    ]
    return lines


def _adagrad(o: _Options, rate: str) -> list[Line]:
    if o.get("lr_decay"):
        rate = rf"\frac{{{rate}}}{{1 + {number(o['lr_decay'])} \, (t - 1)}}"
    lines = [Line("s_t", "s_{t-1} + g_t^2"), _new(rf"{rate} \, \frac{{g_t}}{{\sqrt{{s_t}} + {number(o['eps'])}}}")]
    start = o.get("initial_accumulator_value")
    return [Line("s_0", number(start)), *lines] if start else lines


def _rmsprop(o: _Options, rate: str) -> list[Line]:
    lines = [_average("s", o["alpha"], "g_t^2")]
    variance = "s_t"
    if o.get("centered"):
        lines.append(_average("m", o["alpha"], "g_t"))
        variance = "s_t - m_t^2"
    step = rf"\frac{{g_t}}{{\sqrt{{{variance}}} + {number(o['eps'])}}}"
    if not o.get("momentum"):
        return [*lines, _new(rf"{rate} \, {step}")]
    return [*lines, Line("v_t", rf"{_shown(o['momentum'])} \, v_{{t-1}} + {step}"), _new(rf"{rate} \, v_t")]


def _adadelta(o: _Options, rate: str) -> list[Line]:
    eps = number(o["eps"])
    return [
        _average("s", o["rho"], "g_t^2"),
        Line("d_t", rf"\frac{{\sqrt{{u_{{t-1}} + {eps}}}}}{{\sqrt{{s_t + {eps}}}}} \, g_t"),
        _average("u", o["rho"], "d_t^2"),
        _new(rf"{rate} \, d_t"),
    ]


def _adamax(o: _Options, rate: str) -> list[Line]:
    first, second = o["betas"]
    return [
        _average("m", first, "g_t"),
        Line("u_t", rf"\max\left({number(second)} \, u_{{t-1}}, |g_t| + {number(o['eps'])}\right)"),
        _new(rf"\frac{{{rate}}}{{1 - {number(first)}^t}} \cdot \frac{{m_t}}{{u_t}}"),
    ]


def _nadam(o: _Options, rate: str) -> list[Line]:
    first, second = o["betas"]
    top = r"\frac{\mu_{t+1} \, m_t}{1 - \Pi_{t+1}} + \frac{(1 - \mu_t) \, g_t}{1 - \Pi_t}"
    return [
        Line(
            r"\mu_t",
            rf"{number(first)} \left(1 - \frac{{1}}{{2}} \, 0.96^{{{number(o['momentum_decay'])} \, t}}\right)",
        ),
        Line(r"\Pi_t", r"\prod_{i=1}^{t} \mu_i"),
        _average("m", first, "g_t"),
        _average("s", second, "g_t^2"),
        Line(r"\hat{s}_t", rf"\frac{{s_t}}{{1 - {number(second)}^t}}"),
        _new(rf"\frac{{{rate}}}{{\sqrt{{\hat{{s}}_t}} + {number(o['eps'])}}} \left({top}\right)"),
    ]


def _radam(o: _Options, rate: str) -> list[Line]:
    first, second = o["betas"]
    b, length = number(second), 2 / (1 - second) - 1
    limit = number(round(length, 6))
    share = (
        rf"\sqrt{{\frac{{(\rho_t - 4)(\rho_t - 2) \cdot {limit}}}{{({limit} - 4)({limit} - 2) \, \rho_t}}}}"
        if length > 5
        else "1"
    )
    adaptive = rf"r_t \, \hat{{m}}_t \, \frac{{\sqrt{{1 - {b}^t}}}}{{\sqrt{{s_t}} + {number(o['eps'])}}}"
    return [
        _average("m", first, "g_t"),
        _average("s", second, "g_t^2"),
        Line(r"\hat{m}_t", rf"\frac{{m_t}}{{1 - {_power(first)}}}"),
        Line(r"\rho_t", rf"{limit} - \frac{{2 t \cdot {b}^t}}{{1 - {b}^t}}"),
        Line("r_t", share),
        Line(
            "w_{t+1}",
            rf"w_t - {rate} \begin{{cases}} {adaptive} & \rho_t > 5 \\ \hat{{m}}_t & \rho_t \le 5 \end{{cases}}",
        ),
    ]


def _rprop(o: _Options, rate: str) -> list[Line]:
    (less, more), (smallest, largest) = o["etas"], o["step_sizes"]
    cases = (
        rf"\begin{{cases}} {number(more)} & g_t g_{{t-1}} > 0 \\ {number(less)} & g_t g_{{t-1}} < 0 \\ "
        r"1 & g_t g_{t-1} = 0 \end{cases}"
    )
    return [
        Line(r"\Delta_0", rate),
        Line(
            r"\Delta_t",
            rf"\min\left(\max\left(\Delta_{{t-1}} \cdot {cases}, {number(smallest)}\right), {number(largest)}\right)",
        ),
        _set("g_t", r"g_t \, [g_t g_{t-1} \ge 0]"),
        _new(r"\mathrm{sign}(g_t) \, \Delta_t"),
    ]


def _asgd(o: _Options, rate: str) -> list[Line]:
    decay = number(o["lambd"])
    return [
        Line(r"\gamma_t", rf"\frac{{{rate}}}{{\left(1 + {decay} \cdot {rate} \, t\right)^{{{number(o['alpha'])}}}}}"),
        Line("w_{t+1}", rf"\left(1 - {decay} \, \gamma_{{t-1}}\right) w_t - \gamma_{{t-1}} \, g_t"),
        Line(
            r"\bar{w}_{t+1}",
            rf"\bar{{w}}_t + \frac{{w_{{t+1}} - \bar{{w}}_t}}{{\max(1, t - {number(o['t0'])})}}",
        ),
    ]


_RULES: dict[str, Callable[[_Options, str], list[Line]]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adam,
    "Adagrad": _adagrad,
    "RMSprop": _rmsprop,
    "Adadelta": _adadelta,
    "Adamax": _adamax,
    "NAdam": _nadam,
    "RAdam": _radam,
    "Rprop": _rprop,
    "ASGD": _asgd,
}
