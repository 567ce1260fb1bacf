"""Operations that work element by element: their formulas are the registry's, with the network's own symbols."""

from __future__ import annotations

import re

from ...core import REGISTRY
from .arrange import unstretched
from .call import Call, product
from .notation import applied, number

__all__ = ["elementwise_backward", "elementwise_forward"]

# Which input or option the letters of a formula are; x and y are the first two inputs where nothing is said.
_LETTERS: dict[str, dict[str, str]] = {
    "where": {"c": "condition", "x": "input", "y": "other"},
    "clamp": {"x": "input", "a": "min", "b": "max"},
    "hardtanh": {"x": "input", "a": "min_val", "b": "max_val"},
    "leaky_relu": {"x": "input", "a": "negative_slope"},
    "parametric_relu": {"x": "input", "a": "weight"},
    "elu": {"x": "input", "a": "alpha", "s": "scale", "k": "input_scale"},
    "softplus": {"x": "input", r"\beta": "beta"},
    "huber": {"x": "input", r"\delta": "delta"},
    "logit_cross_entropy": {"x": "input", "t": "target"},
    "probability_cross_entropy": {"x": "input", "t": "target"},
    "atan2": {"y": "input", "x": "other"},
}
# In place of formulas with cases, and of products that need a sign; "scaled" where an option is not 1.
_WRITTEN: dict[str, tuple[str, str]] = {
    "elu": (r"\max(x, 0) + e^{\min(x, 0)} - 1", r"[x > 0] + e^{x} \odot [x \le 0]"),
    "elu scaled": (
        r"s \left(\max(x, 0) + a \left(e^{k \min(x, 0)} - 1\right)\right)",
        r"s \left([x > 0] + a \, k \, e^{k \, x} \odot [x \le 0]\right)",
    ),
    "softplus": (r"\ln(1 + e^x)", r"\sigma(x)"),
    "softplus scaled": (r"\ln(1 + e^{\beta \, x}) / \beta", r"\sigma(\beta \, x)"),
    "huber": (
        r"\frac{1}{2} \min(|x|, \delta)^2 + \delta \max(|x| - \delta, 0)",
        r"\min(\max(x, -\delta), \delta)",
    ),
    "sigmoid": (r"\sigma(x)", r"\sigma(x) \odot (1 - \sigma(x))"),
    "gelu": (r"x \odot \Phi(x)", r"\Phi(x) + x \odot \varphi(x)"),
    "xlogy": (r"x \odot \ln y", r"\ln y, x / y"),
    "logit_cross_entropy": (
        r"-t \odot \ln \sigma(x) - (1 - t) \odot \ln(1 - \sigma(x))",
        r"\sigma(x) - t, -x",
    ),
}


def elementwise_forward(call: Call) -> str:
    r"""Return the right side: ``\max(h_1, 0)``."""
    if call.name == "mul":
        return _multiplied(call)
    return _common(applied(_formulas(call)[0], _values(call)))


def _common(formula: str) -> str:
    """Return a formula with the names of relations that every reader of LaTeX knows."""
    return re.sub(r"\\(le|ge|ne)(?![A-Za-z])", r"\\\1q", formula)


def elementwise_backward(call: Call) -> dict[str, str]:
    """Return the gradient of each wanted input: what came in times the derivative, added up where it was broadcast."""
    factors = _factors(call)
    result = {}
    for place, name in enumerate(call.inputs):
        if name in call.wants:
            term = product(call.gradient, factors[place])
            result[name] = unstretched(call, name, term)
    return result


def _multiplied(call: Call) -> str:
    first, second = call.inputs
    if all(isinstance(value, str) for value in call.inputs.values()):
        return rf"{call[first]} \odot {call[second]}"
    names = [first, second] if not isinstance(call.inputs[first], str) else [second, first]
    return rf"{call[names[0]]} \, {call[names[1]]}"


def _formulas(call: Call) -> tuple[str, str]:
    known, scaled = REGISTRY[call.name], f"{call.name} scaled"
    if scaled in _WRITTEN and any(call.keywords[name] != 1 for name in _LETTERS[call.name].values() if name != "input"):
        return _WRITTEN[scaled]
    return _WRITTEN.get(call.name, (known.formula, known.derivative))


def _values(call: Call) -> dict[str, str]:
    letters = _LETTERS.get(call.name) or dict(zip(("x", "y"), call.inputs, strict=False))
    values = {}
    for letter, name in letters.items():
        if name not in call.inputs:
            values[letter] = number(call.keywords[name])
        else:
            negative = not isinstance(call.inputs[name], str) and call[name].startswith("-")
            values[letter] = f"({call[name]})" if negative else call[name]
    return values


def _factors(call: Call) -> list[str]:
    """Return the derivative with respect to each input."""
    exponent = call.inputs.get("other")
    if call.name == "pow" and not isinstance(exponent, str) and exponent is not None:
        less = number(exponent - 1)
        power = call["input"] + (f"^{{{less}}}" if less != "1" else "")
        return [rf"{number(exponent)} \, {power}", "0"]
    found = _split(_formulas(call)[1])
    found += ["0"] * (len(call.inputs) - len(found))
    return [_common(applied(factor.strip(), _values(call))) for factor in found]


def _split(text: str) -> list[str]:
    """Return what stands between the commas outside all brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
