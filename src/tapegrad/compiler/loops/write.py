"""The text of a group as a function of plain loops, and the call of it in a program."""

from __future__ import annotations

import re

from ...core import Variable
from .build import DECORATOR
from .fusion import Group
from .layout import Layouts, Operand, Space
from .scalar import Term
from .special import exp_text

__all__ = ["Loop"]

_INDICES = "ijklmnpq"
_RESERVED = {"np", "njit", "range", "abs", *_INDICES}


class Loop:
    """The function of a group: ``text``, its ``name``, and what it is called with, in order.

    ``one``: values that share the memory of another, which is then handed over once: LLVM's vectors want no overlap.
    """

    def __init__(
        self, group: Group, layouts: Layouts, wishes: dict[Variable, str], one: dict[Variable, Variable], numbers: set
    ):
        self.group = group
        self.operands = {
            v: Operand(v, layouts.of(v)) for v in dict.fromkeys([*group.writes, *group.reads]) if v not in numbers
        }
        written = [self.operands[v] for v in group.writes]
        self.space = Space(group.shape, written, [o for o in self.operands.values() if o not in written])
        self.one = one
        self._taken: set[str] = set(_RESERVED)
        self.names: dict[Variable, str] = {}
        for v in [*self.operands, *(v for v in group.reads if v in numbers)]:
            if v not in one:
                self.names[v] = self._unique(wishes[v])
        for v, other in one.items():
            self.names[v] = self.names[other]
        self.arguments = list(dict.fromkeys(one.get(v, v) for v in self.names))
        self.locals: dict[Term, str] = {}
        self.lines: list[str] = []
        self.name, self.text = self._text()

    def _unique(self, wish: str) -> str:
        name, count = re.sub(r"\d+$", "", wish) or wish, 1
        base = name
        while name in self._taken:
            count += 1
            name = f"{base}{count}"
        self._taken.add(name)
        return name

    def _text(self) -> tuple[str, str]:
        group = self.group
        primitives = list(dict.fromkeys(e.primitive.name for e in group.members))
        name = "_".join(primitives[:4] + (["more"] if len(primitives) > 4 else [])) + "_loop"
        depth = len(self.space.loops)
        self._load(0)
        for d in range(depth):
            self._line(d, f"for {_INDICES[d]} in range({self._size(d)}):")
            self._load(d + 1)
        for v in group.writes:
            self._value(group.terms[v], depth)
        for v in group.writes:
            index = self._index(self.operands[v])
            self._line(
                depth,
                f"{self.names[v]}[{index}] = {self.locals.get(group.terms[v]) or self._inner(group.terms[v], depth)}",
            )
        used = [exp_text(), "", ""] if any("exp_float32(" in line for line in self.lines) else []
        head = [*used, DECORATOR, f"def {name}({', '.join(self.names[v] for v in self.arguments)}):"]
        return name, "\n".join([*head, *self.lines])

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * (depth + 1) + text)

    def _size(self, loop: int) -> str:
        for v, o in self.operands.items():
            if loop in o.indices:
                return f"{self.names[v]}.shape[{o.indices.index(loop)}]"
        raise AssertionError(loop)

    def _index(self, o: Operand) -> str:
        return ", ".join(_INDICES[i] for i in o.indices) or "()"

    def _load(self, depth: int) -> None:
        """Read the elements that change with the innermost loop of this depth."""
        for v in self.group.reads:
            if v not in self.operands:
                self.locals.setdefault(self.group.inputs[v], self.names[v])
                continue
            o = self.operands[v]
            if max(o.indices, default=-1) + 1 == depth:
                local = self._unique(f"{self.names[v]}_{''.join(_INDICES[i] for i in o.indices) or 'value'}")
                self._line(depth, f"{local} = {self.names[v]}[{self._index(o)}]")
                self.locals[self.group.inputs[v]] = local

    # -- terms ---------------------------------------------------------------------------------------------------------

    def _uses(self) -> dict[Term, int]:
        uses: dict[Term, int] = {}
        todo = [self.group.terms[v] for v in self.group.writes]
        seen = set(todo)
        for t in todo:
            uses[t] = uses.get(t, 0) + 1
        while todo:
            term = todo.pop()
            for i, x in enumerate(term.operands):
                uses[x] = uses.get(x, 0) + term.template.count(f"{{{i}}}")
                if x not in seen:
                    seen.add(x)
                    todo.append(x)
        return uses

    def _value(self, root: Term, depth: int) -> None:
        """Write lines for a term and for those in it that are equations' results, or used more than once."""
        uses = self._uses()
        stack: list[tuple[Term, bool]] = [(root, False)]
        while stack:
            term, ready = stack.pop()
            if term in self.locals or not term.operands:
                continue
            if not ready:
                stack.append((term, True))
                stack += [(x, False) for x in reversed(term.operands)]
                continue
            e = self.group.origins.get(term)
            if e is not None:
                local = self._unique(e.primitive.name)
                formula = " ".join(e.primitive.formula.split()) if getattr(e.primitive, "formula", "") else ""
                self._line(depth, f"{local} = {self._inner(term, depth)}{f'  # {formula}' if formula else ''}")
                self.locals[term] = local
            elif uses.get(term, 0) > 1:
                local = self._unique("part")
                self._line(depth, f"{local} = {self._inner(term, depth)}")
                self.locals[term] = local

    def _inner(self, term: Term, depth: int) -> str:
        return term.template.format(*(self._operand(x, depth, term) for x in term.operands))

    def _operand(self, term: Term, depth: int, outer: Term) -> str:
        if term in self.locals:
            return self.locals[term]
        if not term.operands:
            return term.template
        text = self._inner(term, depth)
        wrapped = outer.template.endswith("({0})") or re.fullmatch(r"[\w.]+\([^()]*\)", text)
        return text if wrapped else f"({text})"
