"""The chain rule through the operations of a network, from the last one back."""

from __future__ import annotations

from ..formulas.call import ONE, Call, at
from ..formulas.line import Line
from ..formulas.operations import backward_of
from ..formulas.recurrent import way_back
from .names import Symbols

__all__ = ["ChainRule"]

# What stands behind this in a formula says what a symbol in it means.
_WHERE = r", \quad "


class ChainRule:
    """``calls``: the operations, which of their inputs gradients go to, and their layers; ``given``: the symbols of the
    outputs, where there is no loss. What reaches one symbol from several operations is added up.
    """

    def __init__(self, calls: list[tuple[Call, tuple[bool, ...] | None, str]], symbols: Symbols, given: list[str]):
        self.calls = calls
        self.symbols = symbols
        self.given = given
        # The terms of each symbol's gradient, and of which element each of them is.
        self.terms: dict[str, list[tuple[str, str]]] = {}
        made = {name for call, *_ in calls for name in call.out}
        # The operation that uses a parameter first is the last one to send it something.
        self.first_use: dict[str, int] = {}
        for i, (call, *_) in enumerate(calls):
            for value in call.inputs.values():
                if isinstance(value, str) and value not in made:
                    self.first_use.setdefault(value, i)

    def lines(self) -> list[Line]:
        """Return the lines from the gradients of the outputs to those of all parameters."""
        lines: list[Line] = []
        for i in reversed(range(len(self.calls))):
            call, tracked, layer = self.calls[i]
            if tracked is None:
                continue
            arriving = [self._result(name, layer, call.name) for name in call.out]
            call.g = tuple(
                None if found is None else _gradient(name) for name, found in zip(call.out, arriving, strict=True)
            )
            if all(g is None for g in call.g):
                continue
            lines += [line for found in arriving for line in found or []]
            call.wants = tuple(name for name, wanted in zip(call.inputs, tracked, strict=True) if wanted)
            lines += [Line(*line, layer, operation=call.name) for line in way_back(call)]
            for name, term in backward_of(call).items():
                self.terms.setdefault(call[name], []).append(term)
            for name in dict.fromkeys(call[name] for name in call.wants):
                if self.first_use.get(name) == i:
                    lines += self._sum(name, layer, call.name)
        return lines

    def _result(self, name: str, layer: str, operation: str) -> list[Line] | None:
        """Return the lines of the gradient of an operation's result: none for the loss, None where nothing comes."""
        if name == "L":
            return []
        if name in self.given and name not in self.terms:
            return [Line(_gradient(name), "", self.symbols.space(name), layer, operation=operation)]
        if name in self.given:
            self.terms[name].append((rf"\left({_gradient(name)}\right)_{{\mathrm{{direct}}}}", ""))
        return self._sum(name, layer, operation) if name in self.terms else None

    def _sum(self, name: str, layer: str, operation: str) -> list[Line]:
        """Return the line of the sum of a symbol's terms; terms of different elements get lines of their own before it."""
        terms, shape, parts = self.terms[name], self.symbols.space(name), []
        if len({element for _, element in terms if element}) > 1:
            for place, (term, own) in enumerate(terms):
                if own:
                    part = _gradient(name, f"_{{{len(parts) + 1}}}")
                    parts.append(Line(at(part, own), term, shape, layer, operation=operation))
                    terms[place] = (part, "")
        element = next((element for _, element in terms if element), "")
        sums, meanings = [], []
        for term, own in terms:
            what, *where = term.split(_WHERE)
            sums.append(at(what, element) if element and not own else what)
            meanings += [m for m in where if m not in meanings]
        right = _WHERE.join([" + ".join(sums).replace("+ -", "- "), *meanings])
        left = at(_gradient(name), element) if element else _gradient(name)
        return [*parts, Line(left, right, shape, layer, operation=operation)]


def _gradient(name: str, part: str = "") -> str:
    """Return the symbol of a gradient, or of a part of it, which has a number."""
    return ONE if name == "L" else rf"\frac{{\partial{part} L}}{{\partial {name}}}"
