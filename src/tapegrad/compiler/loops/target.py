"""The Numba target: groups of equations written into a program as calls of loops."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ...core import Equation, Variable, ops
from ..kernels import literal_text
from .build import Loops
from .fusion import FUSED, Group, fuse, separated
from .layout import Layouts
from .special import SPECIAL
from .write import Loop

__all__ = ["FUSED", "LoopWriter"]


class LoopWriter:
    """Writes the loops of one program; ``writer`` is what writes the rest of it."""

    def __init__(self, writer: Any):
        self.writer = writer
        # The step itself stays as it is: it is written more than once.
        self.step = writer.step = copy.copy(writer.step)
        self.loops = Loops()
        self.made_by = {o: e.primitive.name for e in self.step.equations if not e.writes for o in e.outputs}
        if not writer.see:
            self._split_linear()
        self.layouts = Layouts(self.step, writer.layout)
        (separated if writer.see else fuse)(self.step, self.layouts)
        self._views: dict[tuple[Variable, str], str] = {}
        self._names: dict[str, str] = {}

    def _split_linear(self) -> None:
        """Make linear layers products and sums, so that a loop adds the bias on its way."""
        equations: list[Equation] = []
        for e in self.step.equations:
            if (
                e.primitive.name == "linear"
                and len(e.inputs) == 3
                and isinstance(e.inputs[2], Variable)
                and not e.writes
            ):
                out = e.outputs[0]
                product = Variable(f"{out.name}_product", np.empty(0, out.dtype))
                product.shape = out.shape
                self.writer.names.give(product, f"{self.writer.names[out]}_product")
                order = self.writer.layout.order.get(out)
                if order is not None:
                    self.writer.layout.order[product] = order
                equations.append(Equation(e.primitive, e.inputs[:2], [product], e.keywords, False, e.where))
                self.made_by[product] = "product"
                e = Equation(ops.add, [product, e.inputs[2]], [out], {}, False, e.where)
            equations.append(e)
        self.step.equations = equations

    @property
    def lines(self) -> list[str]:
        """The text of all loops."""
        return [line for text in self.loops.texts for line in (*text.split("\n"), "", "")]

    def write(self, i: int, e: Equation) -> bool:
        """Write an equation as a loop; False for one that is none."""
        if e.primitive is FUSED:
            self._write_group(i, e, e.keywords["group"])
            return True
        choices = () if e.writes else SPECIAL.get(getattr(e.primitive, "name", ""), ())
        special = next((one for one in choices if one.fits(self.layouts, e)), None)
        if special is None:
            return False
        for out in e.outputs:
            if out not in self.writer.static:
                self.writer._place(i, e, out)
        text = special.text(e)
        if text not in self._names:
            self._names[text] = special.name
            self.loops.add(special.name, text)
        self.writer._header(e)
        self.writer.body += special.call(self, e)
        self.writer._release(i, e)
        return True

    def _write_group(self, i: int, e: Equation, group: Group) -> None:
        """Write a group: memory for its results, its function, and the call."""
        writer = self.writer
        self._take_memory(i, e, group)
        loop = Loop(
            group,
            self.layouts,
            {v: self._wish(v) for v in (*e.outputs, *e.inputs)},
            self._one(group),
            self.step.numbers,
        )
        arguments = [self._argument(loop, v) for v in loop.arguments]
        members = ", ".join(dict.fromkeys(m.primitive.name for m in group.members))
        writer.body.append(f"# {members}  {literal_text(group.shape)}")
        writer.body.append(f"{self._function(loop)}({', '.join(arguments)})")
        writer._release(i, e)

    def _function(self, loop: Loop) -> str:
        """Return the name of a loop's function, which other groups with the same text share."""
        if loop.text not in self._names:
            name = self.writer.names.unique(loop.name)
            self._names[loop.text] = name
            self.loops.add(name, loop.text.replace(f"def {loop.name}(", f"def {name}("))
        return self._names[loop.text]

    def _take_memory(self, i: int, e: Equation, group: Group) -> None:
        writer, step = self.writer, self.step
        # An input may give its memory to a result only if no other view of it is read.
        roots = [step.root_of(x) for x in group.reads]
        safe = [x for x in group.reads if x not in step.numbers and roots.count(step.root_of(x)) == 1]
        given = Equation(e.primitive, safe, e.outputs, {}, e.writes, e.where)
        first: dict[Variable, Equation] = {}
        for m in group.members:
            first.setdefault(m.outputs[0], m)
        for out in group.writes:
            if first[out].writes or out in writer.static:
                continue
            writer._place(i, given, out)

    def _one(self, group: Group) -> dict[Variable, Variable]:
        """Return which results lie where one of the inputs did."""
        places, one = self.writer.scratch.places, {}
        for v in group.writes:
            for x in group.reads:
                if (
                    x is not v
                    and x in places
                    and places.get(v) == places[x]
                    and (x.shape, x.dtype) == (v.shape, v.dtype)
                ):
                    one[v] = x
        return one

    def _wish(self, v: Variable) -> str:
        """Return a name that says what a value is, not whose: loops are shared between layers."""
        for flat in self.step.flats:
            if v is flat.variable:
                return flat.use
        if v in self.step.inputs or v in self.step.numbers:
            return self.writer.names[v]
        return self.made_by.get(v, "tensor")

    def _argument(self, loop: Loop, v: Variable) -> str:
        view = loop.operands[v].view if v in loop.operands else "{}"
        return self.view_of(v, view)

    def view_of(self, v: Variable, view: str) -> str:
        """Return a view of a value, ``{}.reshape(-1)`` and the like: made once where its memory stays."""
        writer, name = self.writer, self.writer.names[v]
        if view == "{}":
            return name
        view = view.format(name)
        if v not in writer.static:
            return view
        if (v, view) not in self._views:
            self._views[v, view] = writer.names.unique(f"{name}_flat")
            writer.setup.append(f"{self._views[v, view]} = {view}")
        return self._views[v, view]
