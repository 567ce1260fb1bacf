"""One operation of a network as its formulas see it: symbols and shapes of what goes in, comes out and comes back."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from .notation import number

__all__ = ["ONE", "Call", "at", "bracketed", "product", "scaled"]

# The gradient of the loss with respect to itself.
ONE = "1"


@dataclasses.dataclass
class Call:
    """``inputs``: what each input is called, or the number that it is; ``shapes``: theirs, None of a number.

    ``out``, ``out_shapes``: the same of each output; ``g``: the gradient of each, None where nothing comes back.
    ``wants``: the inputs whose gradients are wanted; ``batched``: those whose first dimension is the batch, of the size
    N; ``mark``: the number of the operation, for symbols of its own; ``used``: which of the outputs anything reads.
    """

    name: str
    inputs: dict[str, Any]
    shapes: dict[str, tuple | None]
    out: list[str]
    out_shapes: list[tuple]
    keywords: dict[str, Any]
    wants: tuple[str, ...] = ()
    g: tuple[str | None, ...] = ()
    batched: tuple[str, ...] = ()
    mark: str = ""
    used: tuple[bool, ...] = ()

    def __getitem__(self, name: str) -> str:
        """Return what an input is called; a number as it is written."""
        value = self.inputs[name]
        return value if isinstance(value, str) else number(value)

    def has(self, name: str) -> bool:
        """Return whether there is such an input."""
        return self.inputs.get(name) is not None

    def rank(self, name: str) -> int:
        """Return how many dimensions an input has."""
        return len(self.shapes[name] or ())

    @property
    def gradient(self) -> str:
        """The gradient of the first output."""
        return self.g[0] or "0"

    def count(self, name: str, dims: tuple[int, ...]) -> str:
        """Return how many elements some dimensions of an input have together: ``3 N`` with that of the batch."""
        shape = self.shapes[name] or ()
        is_batch = name in self.batched and 0 in dims
        total = math.prod(shape[d] for d in dims if d or not is_batch)
        return str(total) if not is_batch else "N" if total == 1 else f"{total} N"


def bracketed(text: str) -> str:
    r"""Return a formula that can be a factor: in brackets unless it is one symbol, number, fraction or bracket.

    >>> print(bracketed("x + 1"), bracketed("h_{12}"), bracketed("[x > 0]"))
    \left(x + 1\right) h_{12} [x > 0]
    """
    single = re.fullmatch(r"[\w.]+|\\?\w+(_\{[^{}]*\})?(\^\{[^{}]*\})?|\[[^\[\]]*\]|\\left\([^()]*\\right\)", text)
    return text if single or _is_fraction(text) else rf"\left({text}\right)"


def _is_fraction(text: str) -> bool:
    if not text.startswith(r"\frac{"):
        return False
    depth = groups = 0
    for i, sign in enumerate(text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        groups += sign == "}" and depth == 0
        if groups == 2:
            return i == len(text) - 1
    return False


def product(g: str, factor: str) -> str:
    r"""Return an elementwise product with a gradient, which is left out when it is 1.

    >>> print(product("g", "-1"), product("g", "x + 1"), product("1", "x + 1"))
    -g g \odot \left(x + 1\right) x + 1
    """
    if factor == "1":
        return g
    if g == ONE:
        return factor
    if factor == "-1":
        return f"-{g}"
    if re.fullmatch(r"-?[0-9.]+", factor):
        return rf"{factor} \, {g}"
    if factor.startswith("-") and bracketed(factor[1:]) == factor[1:]:
        return rf"-{g} \odot {factor[1:]}"
    return rf"{g} \odot {bracketed(factor)}"


def scaled(g: str, factor: str, what: str) -> str:
    r"""Return a number times a gradient, a single number too, times an expression; what is 1 is left out."""
    parts = [part for part in (factor, "" if g == ONE else g, what) if part not in ("", "1")]
    return r" \, ".join([*(bracketed(p) for p in parts[:-1]), parts[-1]]) if parts else "1"


def at(symbol: str, index: str) -> str:
    r"""Return one element of what a formula stands for.

    >>> print(at("W_1", "o,c"), at(r"\frac{a}{b}", "n"))
    (W_1)_{o,c} \left(\frac{a}{b}\right)_{n}
    """
    single = re.fullmatch(r"\\?\w+(_\{\w+\})?", symbol)
    return rf"({symbol})_{{{index}}}" if single else rf"\left({symbol}\right)_{{{index}}}"
