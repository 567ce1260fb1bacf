"""Formulas in LaTeX as plain text for comments: ``x W^\\top + b`` becomes ``x Wᵀ + b``."""

from __future__ import annotations

import functools
import re

__all__ = ["in_plain_text"]

_SIGNS = {
    "top": "ᵀ", "max": "max", "min": "min", "sum": "Σ", "prod": "Π", "ln": "ln", "log": "log", "exp": "exp",
    "sin": "sin", "cos": "cos", "tan": "tan", "tanh": "tanh", "sinh": "sinh", "cosh": "cosh", "cdot": "·", "times": "×",
    "odot": "⊙", "sim": "~", "in": "∈", "ldots": "…", "dots": "…", "cdots": "…", "le": "≤", "leq": "≤", "ge": "≥",
    "geq": "≥", "ne": "≠", "neq": "≠", "infty": "∞", "epsilon": "ε", "varepsilon": "ε", "sigma": "σ", "mu": "μ",
    "pi": "π", "lambda": "λ", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "partial": "∂", "pm": "±",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "Phi": "Φ", "Gamma": "Γ", "psi": "ψ", "land": "∧",
    "lor": "∨", "lnot": "¬", "arg": "arg", "quad": " ", "left": "", "right": "", "big": "", "Big": "", "bigl": "",
    "bigr": "", "mid": "|", "lVert": "‖", "rVert": "‖", "to": "→", "theta": "θ", "odd": "odd",
}  # fmt: skip
_MARKS = {"hat": "\u0302", "bar": "\u0304", "overline": "\u0304", "tilde": "\u0303"}
_RAISED = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"


@functools.cache
def in_plain_text(formula: str) -> str:
    """Return a formula as one line of text; what is not known stays as it is.

    >>> in_plain_text(r"x W^\\top + b"), in_plain_text(r"\\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}}")
    ('x Wᵀ + b', '(x - μ) / (√(σ² + ε))')
    """
    text, before = " ".join(formula.split()), ""
    while text != before:
        before = text
        text = re.sub(r"\\(?:mathrm|text|operatorname|mathbf|mathbb|mathcal)" + _GROUP, r"\1", text)
        text = re.sub(r"\\sqrt" + _GROUP, lambda m: f"√{_bracketed(m[1])}", text)
        text = re.sub(r"\\[dt]?frac" + _GROUP + _GROUP, lambda m: f"{_bracketed(m[1])} / {_bracketed(m[2])}", text)
        text = re.sub(r"\\(hat|bar|overline|tilde)" + _GROUP, _marked, text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: _SIGNS.get(m[1], m[1]), text)
    text = re.sub(r"\\[,;:! ]", " ", text).replace("\\{", "{ ").replace("\\}", " }").replace("\\|", "‖")
    text = re.sub(r"\^(?:" + _GROUP + r"|(\S))", lambda m: _raised(m[1] or m[2]), text)
    text = re.sub(r"_" + _GROUP, lambda m: f"_{m[1]}" if re.fullmatch(r"\w+", m[1]) else f"_({m[1].strip()})", text)
    text = re.sub(r"(?<=[Σ∂√])(?=_)", "", text).replace("{ ", "{").replace(" }", "}")
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def _bracketed(text: str) -> str:
    return text if re.fullmatch(r"\\?[\w.]+", text.strip()) and not text.startswith("√") else f"({text.strip()})"


def _marked(found: re.Match) -> str:
    return found[2] + _MARKS[found[1]] if len(found[2]) == 1 else f"mean({found[2]})"


def _raised(text: str) -> str:
    if text == "ᵀ":
        return text
    plain = text.translate(_RAISED)
    return plain if plain != text and not re.search(r"[^⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]", plain) else f"^{_bracketed(text)}"
