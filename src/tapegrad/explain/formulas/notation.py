r"""How quantities are written: layer ``l`` computes Z^{(l)} from A^{(l-1)}, with W^{(l)} and b^{(l)}; N samples are rows."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from .mathml import tokens

__all__ = ["Symbol", "applied", "number", "plain", "space", "sum_over"]


@dataclasses.dataclass(frozen=True)
class Symbol:
    """A quantity of the forward pass: its letter, its layer's number (-1: none), and how often the two are used already."""

    letter: str
    index: int
    repeat: int = 0

    @property
    def latex(self) -> str:
        """The symbol: Z^{(1)}."""
        if self.index < 0:
            return self.letter
        return f"{self.letter}^{{({self.index}){chr(39) * self.repeat}}}"

    @property
    def is_sum(self) -> bool:
        """Whether it is what a layer's weights give, whose gradient has a name of its own."""
        return self.letter == "Z" and not self.repeat and self.index > 0

    @property
    def gradient(self) -> str:
        r"""The gradient of the loss with respect to it: \delta^{(1)} for what a weighted sum gives."""
        if self.is_sum:
            return rf"\delta^{{({self.index})}}"
        return rf"\frac{{\partial L}}{{\partial {self.latex}}}"

    def at(self, indices: str) -> str:
        """Return one element: Z^{(1)}_{n,i}."""
        return f"{self.latex}_{{{indices}}}"

    def gradient_at(self, indices: str) -> str:
        """Return the gradient of one element."""
        if self.is_sum:
            return f"{self.gradient}_{{{indices}}}"
        return rf"\frac{{\partial L}}{{\partial {self.at(indices)}}}"


def number(value: Any) -> str:
    r"""Return a number as it is written: 0.9, 10^{-8}, 5 \cdot 10^{-7}.

    >>> number(0.9), number(1e-8), number(5e-7), number(60000)
    ('0.9', '10^{-8}', '5 \\cdot 10^{-7}', '60000')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return rf"\text{{{plain(str(value))}}}"
    if math.isinf(value) or math.isnan(value):
        return r"\infty" if value > 0 else r"-\infty" if value < 0 else r"\text{nan}"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
        return str(int(value))
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:.6g}"
    mantissa, _, exponent = f"{value:.6g}".partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:.5e}".partition("e")
        mantissa = f"{float(mantissa):g}"
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def plain(text: str) -> str:
    r"""Return text for ``\text{...}``: what LaTeX would take for a command is escaped, or left out."""
    return re.sub(r"([_%&#$])", r"\\\1", re.sub(r"[\\{}^~]", " ", text))


def space(*sizes: Any) -> str:
    r"""Return the set of arrays of a shape: \mathbb{R}^{N \times 500}; of numbers for no sizes."""
    if not sizes:
        return r"\mathbb{R}"
    return r"\mathbb{R}^{" + r" \times ".join(str(size) for size in sizes) + "}"


def sum_over(*indices: str) -> str:
    r"""Return a sum over indices: \sum_{n,i,j}."""
    return rf"\sum_{{{','.join(indices)}}}"


def applied(formula: str, values: dict[str, str]) -> str:
    r"""Return a formula with its letters replaced: ``applied(r"\max(x, 0)", {"x": "Z^{(1)}"})``.

    Letters within names, as in ``\mathrm{max}``, stay. What replaces a letter before an exponent gets brackets, and an
    exponent braces.

    >>> applied(r"\max(x, 0)", {"x": "Z^{(1)}"}), applied("x^2", {"x": "Z^{(1)}"})
    ('\\max(Z^{(1)}, 0)', '(Z^{(1)})^2')
    """
    parts = tokens(formula)
    result, named = "", 0
    for i, token in enumerate(parts):
        before = parts[i - 1] if i else ""
        opens = token == "{" and (before in (r"\mathrm", r"\text", r"\operatorname", r"\mathbb") or named)
        named += 1 if opens else -1 if token == "}" and named else 0
        value = values.get(token) if not named else None
        if value is None:
            result += token
            continue
        powered = i + 1 < len(parts) and parts[i + 1] == "^" and "^" in value
        # A command ends where a letter does not follow; a number that replaces a letter must not run into it.
        if before == "^" and len(value) > 1:
            value = f"{{{value}}}"
        gap = " " if result and re.search(r"\\[A-Za-z]+$", result) and value[:1].isalpha() else ""
        result += gap + (f"({value})" if powered else value)
    return result
