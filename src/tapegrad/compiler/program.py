"""A captured step as a graph of values: which memory each lies in, what of it is needed, what is computed twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import WRITE, Equation, Tensor, Variable
from .capture import Capture
from .numbers import TRUTH, NumberOperation
from .updates import ADVANCE, COUNT, PACK, UNPACK

__all__ = ["Step", "simplified"]


# Views that are copies where NumPy cannot express them as views.
_MAY_COPY = ("reshape",)


class Step:
    """A captured step without the arrays of its run. ``arrays`` remain of the constants alone.

    ``root`` names the variable in whose memory a view lies; a variable that is no view is its own root.
    """

    def __init__(self, capture: Capture, outputs: list[Variable]):
        self.inputs = capture.inputs
        self.constants: dict[Variable, Any] = {v: a for v, a in capture.constants.items() if v not in capture.inputs}
        self.owners = capture.owners
        self.numbers = capture.numbers
        self.settings = capture.settings
        self.flats = capture.flats
        self.counters = {f.variable for f in capture.flats if f.counts}
        self.equations = capture.equations
        # What was recorded, by place, so that a program's values can be held against another run's.
        self.recorded = [e.primitive.name for e in capture.equations]
        self.produced = {
            o: (i, k) for i, e in enumerate(capture.equations) if not e.writes for k, o in enumerate(e.outputs)
        }
        self.written_at = {id(e): i for i, e in enumerate(capture.equations) if e.writes}
        # The modules that were called, those around others first.
        self.entered = [module for module, _ in capture.modules]
        self.modules = dict(zip(map(id, capture.equations), capture.equation_modules, strict=True))
        self.gradient_of = capture.gradient_of
        self.outputs = outputs
        self.postponed = capture.postponed
        self.gradients: list[tuple[Tensor, Variable]] = []
        self.found: list[tuple[Tensor, Variable]] = []
        # Leaves whose gradients the step forgot before it looked at them.
        self.forgotten = [g.leaf for g in capture.gradients.values() if not g.looked]
        # Leaves that have no gradient after the step, whether they had one before or not.
        self.cleared = [
            g.leaf for g in capture.gradients.values() if g.leaf._grad is None and not (g.looked and g.before is None)
        ]
        self._read_gradients(capture)
        self.root = self._roots(capture.views)
        # In which order the dimensions of results lie in eager memory: who gets them can tell.
        self.eager_order = {v: capture.order.get(v) for v in {self.root_of(o) for o in outputs}}
        # The same of values that have views: a reshape that is a view of one order is a copy of another.
        self.viewed_order = {v: capture.order.get(v) for v in set(self.root.values())}
        # Whether a view is one, or a copy, depends on the order of elements in memory; where that can be told, the order
        # of the inputs is a condition.
        self.strides = capture.input_strides if self._tells_views_from_copies() else None

    def _read_gradients(self, capture: Capture) -> None:
        for gradient in capture.gradients.values():
            if gradient.variable is not None:
                self.found.append((gradient.leaf, gradient.variable))
            after = gradient.leaf._grad
            if after is not None and after is not gradient.before:
                self.gradients.append((gradient.leaf, capture.read(after)))

    def _roots(self, views: set[Variable]) -> dict[Variable, Variable]:
        root: dict[Variable, Variable] = {}
        for e in self.equations:
            if getattr(e.primitive, "view", False) and isinstance(e.inputs[0], Variable):
                source = e.inputs[0]
                for out in e.outputs:
                    if out in views:
                        root[out] = root.get(source, source)
        return root

    def _tells_views_from_copies(self) -> bool:
        seen = {self.root_of(o) for e in self.equations if e.writes for o in e.outputs}
        seen |= {self.root_of(v) for v in self.outputs}
        reshaped = [e for e in self.equations if getattr(e.primitive, "name", "") in _MAY_COPY]
        return any(self.root_of(x) in seen for e in reshaped for x in variables_of([e.inputs[0], *e.outputs]))

    def root_of(self, variable: Variable) -> Variable:
        """Return the variable in whose memory this one lies."""
        return self.root.get(variable, variable)

    def stand_for(self, old: Variable, new: Variable) -> None:
        """Let a value, and the views of it, lie in the memory of another one, which takes its place."""
        for view in [v for v, root in self.root.items() if root is old]:
            self.root[view] = self.root_of(new)
        self.root[old] = self.root_of(new)

    @property
    def outside(self) -> set[Variable]:
        """The variables whose memory is not the program's own."""
        return {*self.inputs, *self.constants, *(v for _, v in self.found)}

    @property
    def kept(self) -> list[Variable]:
        """The variables whose values outlive the step."""
        return [*self.outputs, *(v for _, v in self.gradients)]


def variables_of(values: Any) -> Iterator[Variable]:
    """Yield the variables among the inputs of an equation."""
    for value in values:
        if isinstance(value, Variable):
            yield value


def simplified(step: Step) -> Step:
    """Leave out of a step what is not needed, what is computed twice, and copies that nobody would notice."""
    from .algebra import fold

    fold(step)
    _merge(step)
    _elide_copies(step)
    _prune(step)
    # Numbers depend on no array: worked out first, they do not stand between what could be one loop.
    first = [e for e in step.equations if is_number(e.primitive) or e.primitive in (TRUTH, COUNT)]
    step.equations = first + [e for e in step.equations if not any(e is f for f in first)]
    return step


# -- computed twice -----------------------------------------------------------------------------------------------------


def _written(step: Step) -> set[Variable]:
    """Return the roots that are written to in place, be it by an update of the flat vector that they are part of."""
    return {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}


def _merge(step: Step) -> None:
    """Replace an equation by an earlier one that computes the same from the same memory, unwritten in between."""
    versions: dict[Variable, int] = {}
    seen: dict[Any, Equation] = {}
    renamed: dict[Variable, Variable] = {}
    written = _written(step)
    kept = {*step.kept, *map(step.root_of, step.kept)}
    equations = []
    for e in step.equations:
        e.inputs = [renamed.get(x, x) if isinstance(x, Variable) else x for x in e.inputs]
        key = None if e.writes else _key(step, e, versions, written)
        if key is not None and key in seen and not kept.intersection(e.outputs):
            for old, new in zip(e.outputs, seen[key].outputs, strict=True):
                renamed[old] = new
                step.stand_for(old, new)
            continue
        if key is not None:
            seen[key] = e
        for o in e.outputs if e.writes else ():
            root = step.root_of(o)
            versions[root] = versions.get(root, 0) + 1
        equations.append(e)
    step.equations = equations
    step.outputs = [renamed.get(v, v) for v in step.outputs]
    step.gradients = [(leaf, renamed.get(v, v)) for leaf, v in step.gradients]


def _key(step: Step, e: Equation, versions: dict[Variable, int], written: set[Variable]) -> Any:
    if e.primitive in (TRUTH, PACK, COUNT, ADVANCE) or e.primitive.random:
        return None
    if any(step.root_of(o) in written for o in e.outputs):
        return None
    if any(isinstance(value, np.ndarray) for value in e.keywords.values()):
        return None
    parts: list[Any] = [e.primitive.name]
    for x in e.inputs:
        if isinstance(x, Variable):
            root = step.root_of(x)
            parts.append((id(x), versions.get(root, 0)))
        else:
            parts.append((type(x).__name__, repr(x)))
    return (*parts, repr(sorted(e.keywords.items())))


# -- copies -------------------------------------------------------------------------------------------------------------


def _elide_copies(step: Step) -> None:
    """Let a copy be its source where the source is the program's own and nobody could tell the two apart."""
    last_use, last_write = _last_places(step)
    outside, flat_parts = step.outside, {p for f in step.flats for p in f.parts}
    kept = {step.root_of(v) for v in step.kept}
    renamed: dict[Variable, Variable] = {}
    equations = []
    for i, e in enumerate(step.equations):
        e.inputs = [renamed.get(x, x) if isinstance(x, Variable) else x for x in e.inputs]
        e.outputs = [renamed.get(x, x) for x in e.outputs] if e.writes else e.outputs
        if not _is_copy(e):
            equations.append(e)
            continue
        source: Any = e.inputs[0]
        copy: Any = e.outputs[0]
        own = source not in outside and step.root_of(source) is source and step.root_of(copy) is copy
        replaced = last_use.get(source, i) <= i and source not in kept
        unwritten = max(last_write.get(source, -1), last_write.get(copy, -1)) <= i
        both = {source, copy} <= kept or {source, copy} <= flat_parts
        # Values that the step has made itself of Python's numbers stay what they are while nobody writes to them.
        fixed = source in step.constants and step.owners.get(source) is None and step.root_of(copy) is copy
        fixed = fixed and not {source, copy} & last_write.keys() and copy not in kept and copy not in flat_parts
        if not fixed and (not own or both or not (replaced or unwritten)):
            equations.append(e)
            continue
        renamed[copy] = source
        step.stand_for(copy, source)
        for places in (last_use, last_write):
            places[source] = max(places.get(source, -1), places.get(copy, -1))
        for group in (kept, flat_parts):
            if copy in group:
                group.add(source)
    step.equations = equations
    step.outputs = [renamed.get(v, v) for v in step.outputs]
    step.gradients = [(leaf, renamed.get(v, v)) for leaf, v in step.gradients]
    for flat in step.flats:
        flat.parts = [renamed.get(v, v) for v in flat.parts]


def _last_places(step: Step) -> tuple[dict[Variable, int], dict[Variable, int]]:
    """Return where the memory of each root is used last, and where it is written to last in place."""
    use: dict[Variable, int] = {}
    write: dict[Variable, int] = {}
    for i, e in enumerate(step.equations):
        for x in variables_of([*e.inputs, *e.outputs]):
            use[step.root_of(x)] = i
        for x in e.outputs if e.writes else ():
            write[step.root_of(x)] = i
    return use, write


def _is_copy(e: Equation) -> bool:
    if e.writes or len(e.outputs) != 1 or not e.inputs or not isinstance(e.inputs[0], Variable):
        return False
    source, copy = e.inputs[0], e.outputs[0]
    return e.primitive.name in ("clone", "copy") and (source.shape, source.dtype) == (copy.shape, copy.dtype)


# -- needed by nobody ----------------------------------------------------------------------------------------------------


def _prune(step: Step) -> None:
    """Drop the equations on which nothing depends that outlives the step. Random numbers are drawn all the same."""
    live = {step.root_of(v) for v in step.kept} | {step.root_of(v) for v in step.outside} | set(step.kept)
    kept = []
    for e in reversed(step.equations):
        roots = {step.root_of(o) for o in e.outputs}
        needed = e.primitive in (TRUTH, UNPACK, ADVANCE) or e.primitive.random
        if not (needed or roots & live or live.intersection(e.outputs)):
            continue
        kept.append(e)
        for x in variables_of(e.inputs):
            live.update((x, step.root_of(x)))
    step.equations = kept[::-1]


def is_number(operation: Any) -> bool:
    """Return whether an equation computes with Python numbers."""
    return isinstance(operation, NumberOperation)


assert WRITE is not None
