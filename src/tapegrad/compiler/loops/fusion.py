"""Which equations of a step can be one pass over memory, whoever writes that pass.

The equations are read in order. A group stays open while nothing that follows depends on it: what is independent of it
is written before it. So the members of a group need not follow each other in the program, and values that only they
look at need no memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core import WRITE, Equation, Variable
from ..program import Step, is_number, variables_of
from ..updates import PACK, UNPACK
from .layout import Layouts
from .scalar import NotScalar, Term, converted, named_number, number, operand, scalar

__all__ = ["FUSED", "Group", "fuse", "separated"]

# More members than this make a loop that is slow to compile and runs out of registers.
_LARGEST = 48
# One line of NumPy is as good as a loop of one operation.
_SMALLEST = 2
# Primitives that are elementwise, though the engine does not undo their broadcasting.
_ELEMENTWISE_TOO = ("affine", "cast", "clone")


class _Fused:
    """What stands in an equation for the primitives of a group, which is among its keywords."""

    name = "fused"
    formula = ""
    elementwise = True
    random = False
    view = False
    takes_out = True


FUSED = _Fused()


class Group:
    """Equations with one iteration space, in order.

    ``reads``: the variables whose values come from outside, ``writes`` those whose values are wanted outside, and
    ``terms`` the value of each of these, made of the elements of what is read.
    """

    def __init__(self, shape: tuple[int, ...], leaves: dict[Variable, Term]):
        self.shape = shape
        # The terms of all variables' elements, whichever group reads them.
        self.leaves = leaves
        self.members: list[Equation] = []
        self.reads: list[Variable] = []
        self.writes: list[Variable] = []
        self.terms: dict[Variable, Term] = {}
        # The primitive that made a term, and how it explains itself.
        self.origins: dict[Term, Equation] = {}
        self.inputs: dict[Variable, Term] = {}
        self.read_roots: set[Variable] = set()
        self.written: dict[Variable, Variable] = {}

    def add(self, step: Step, e: Equation, term: Term) -> None:
        out = e.outputs[0]
        self.members.append(e)
        for x in variables_of(e.inputs):
            if x not in step.numbers:
                self.read_roots.add(step.root_of(x))
        self.terms[out] = term
        self.origins.setdefault(term, e)
        self.written[step.root_of(out)] = out

    def touches(self, step: Step, e: Equation) -> bool:
        """Return whether an equation must stay behind the group."""
        reads = {step.root_of(x) for x in variables_of(e.inputs)}
        writes = {step.root_of(o) for o in e.outputs if e.writes or step.root_of(o) is o}
        if e.primitive in (PACK, UNPACK):
            # The vector and its parts may be the same memory.
            writes |= reads
        return bool(reads & self.written.keys() or writes & (self.read_roots | self.written.keys()))

    def shares(self, step: Step, e: Equation) -> bool:
        """Return whether an equation reads what the group reads."""
        return any(step.root_of(x) in self.read_roots for x in variables_of(e.inputs) if x.shape == self.shape)

    def term_of(self, step: Step, e: Equation, layouts: Layouts) -> Term | None:
        """Return the value of an equation that can be a member, None for one that cannot."""
        out = e.outputs[0]
        if len(e.outputs) != 1 or tuple(out.shape) != self.shape or len(self.members) >= _LARGEST:
            return None
        if 0 in self.shape or (e.writes and layouts.of(out) is None):
            return None
        # Another view of what is written to could mean other elements of it.
        roots = {**self.written}
        if e.writes:
            roots[step.root_of(out)] = out
            if any(
                step.root_of(x) is step.root_of(out) and x is not out for x in (*self.inputs, *variables_of(e.inputs))
            ):
                return None
        for x in variables_of(e.inputs):
            if roots.get(step.root_of(x), x) is not x:
                return None
        if not e.writes and step.root_of(out) is not out:
            return None
        try:
            terms = [self._term(step, x) if isinstance(x, Variable) else x for x in e.inputs]
            return converted(_result(e, terms), out.dtype)
        except NotScalar:
            return None

    def _term(self, step: Step, x: Variable) -> Term:
        if x in self.terms:
            return self.terms[x]
        if x not in self.leaves:
            self.leaves[x] = named_number(x.name) if x in step.numbers else operand(x.name, x.dtype)
        self.inputs[x] = self.leaves[x]
        return self.leaves[x]

    def merge(self, other: Group) -> None:
        """Take in the members of a group that is independent of this one."""
        self.members += other.members
        self.terms |= other.terms
        self.origins |= other.origins
        self.inputs |= other.inputs
        self.read_roots |= other.read_roots
        self.written |= other.written

    def finish(self, step: Step, needed: set[Variable]) -> Equation:
        """Return the group as one equation. ``needed``: the roots that others look at."""
        self.writes = [v for v in self.terms if step.root_of(v) in needed or v in needed]
        leaves = {leaf for v in self.writes for leaf in _leaves(self.terms[v])}
        self.reads = [v for v, term in self.inputs.items() if term in leaves]
        writes = any(e.writes for e in self.members)
        return Equation(FUSED, list(self.reads), list(self.writes), {"group": self}, writes, self.members[0].where)


def _leaves(term: Term) -> set[Term]:
    found, seen, todo = set(), set(), [term]
    while todo:
        t = todo.pop()
        if t not in seen:
            seen.add(t)
            todo += t.operands
            if not t.operands:
                found.add(t)
    return found


def _result(e: Equation, terms: list[Any]) -> Term:
    p = e.primitive
    if p is WRITE:
        return terms[1] if isinstance(terms[1], Term) else number(terms[1])
    if p.variadic:
        raise NotScalar
    if p.name in ("cast", "clone"):
        return converted(terms[0], e.outputs[0].dtype)
    return scalar(p.kernel, terms, e.keywords)


def _may_join(e: Equation) -> bool:
    p = e.primitive
    if p is WRITE:
        return True
    if (
        is_number(p)
        or not hasattr(p, "elementwise")
        or p.random
        or any(isinstance(v, Variable) for v in e.keywords.values())
    ):
        return False
    return p.elementwise or p.name in _ELEMENTWISE_TOO


def fuse(step: Step, layouts: Layouts) -> None:
    """Replace equations of a step by groups of them, each as one equation whose primitive is FUSED."""
    leaves: dict[Variable, Term] = {}
    order: list[Equation | Group] = []
    opened: list[Group] = []
    for e in step.equations:
        behind = [g for g in opened if g.touches(step, e)]
        group = _joined(step, e, behind or [g for g in opened if g.shares(step, e)][:1], opened, layouts)
        if group is not None:
            continue
        for g in behind:
            opened.remove(g)
            order.append(g)
        group = Group(tuple(e.outputs[0].shape), leaves) if e.outputs and _may_join(e) else None
        term = group.term_of(step, e, layouts) if group else None
        if group is not None and term is not None:
            group.add(step, e, term)
            opened.append(group)
        else:
            order.append(e)
    order += opened
    step.equations = list(_finished(step, order))


def separated(step: Step, layouts: Layouts) -> None:
    """Make each equation that could be in a group one of its own, where it stands, so that each result can be seen."""
    equations: list[Equation] = []
    for e in step.equations:
        group = Group(tuple(e.outputs[0].shape), {}) if e.outputs and _may_join(e) else None
        term = group.term_of(step, e, layouts) if group else None
        if group is not None and term is not None:
            group.add(step, e, term)
            equations.append(group.finish(step, set(e.outputs)))
        else:
            equations.append(e)
    step.equations = equations


def _joined(step: Step, e: Equation, places: list[Group], opened: list[Group], layouts: Layouts) -> Group | None:
    """Let an equation join a group, or several that are made one by that; None where it cannot."""
    if not places or not _may_join(e) or len({g.shape for g in places}) > 1:
        return None
    group = places[0]
    if len(places) > 1:
        group = Group(group.shape, group.leaves)
        for g in places:
            group.merge(g)
    term = group.term_of(step, e, layouts)
    if term is None:
        return None
    group.add(step, e, term)
    if group not in opened:
        for g in places:
            opened.remove(g)
        opened.append(group)
    return group


def _finished(step: Step, order: list[Equation | Group]) -> Iterable[Equation]:
    readers: dict[Variable, set[int]] = {}
    for i, item in enumerate(order):
        for e in item.members if isinstance(item, Group) else [item]:
            for x in variables_of([*e.inputs, *e.outputs]):
                readers.setdefault(step.root_of(x), set()).add(i)
    outlive = {step.root_of(v) for v in step.kept} | {step.root_of(v) for v in step.outside}
    outlive |= {step.root_of(f.variable) for f in step.flats} | {step.root_of(p) for f in step.flats for p in f.parts}
    for i, item in enumerate(order):
        if isinstance(item, Equation):
            yield item
            continue
        needed = outlive | {root for root, users in readers.items() if users != {i}}
        if len(item.members) < _SMALLEST:
            yield from item.members
        else:
            yield item.finish(step, needed)
