"""Where the values of a program lie: in vectors of parameters, in memory of their own, or in scratch that they share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Equation, Variable
from .kernels import literal_text
from .layout import Layout
from .memory import Scratch
from .names import Names
from .program import Step, variables_of

__all__ = ["Placement"]


class Placement:
    """The memory of a step, written as the setup of its source. A base of the writer of sources."""

    def __init__(self, step: Step, arguments: list[str], joined: set[Variable]):
        self.step = step
        self.names = Names(step, arguments)
        self.joined = joined
        self.given: dict[str, Any] = {}
        self.setup: list[str] = []
        self.prelude: list[str] = []
        self.body: list[str] = []
        self.ending: list[str] = []
        # Values whose memory stays the same from step to step: their views are made once.
        self.static: set[Variable] = set()
        # What a value is called inside the loop over blocks that is being written.
        self.inside: dict[Variable, str] = {}
        self._counted = {f.variable: f.parts for f in step.flats if f.counts}
        self.scratch = Scratch()
        self._overtaken: set[Variable] = set()
        self.fresh = {step.root_of(v) for v in step.outputs} - step.outside
        bound = {*step.kept, *self.fresh, *(p for f in step.flats for p in f.parts)}
        self.layout = Layout(step, bound)
        self.last_use = self._last_uses()
        self.arguments = [self.names[v] for v in dict.fromkeys(step.inputs)]

    def name(self, variable: Variable) -> str:
        """Return what a value is called where the writer is."""
        return self.inside.get(variable) or self.names[variable]

    def _last_uses(self) -> dict[Variable, int]:
        last: dict[Variable, int] = {}
        for i, e in enumerate(self.step.equations):
            for x in variables_of([*e.inputs, *e.outputs]):
                last[self.step.root_of(x)] = i
        for v in self.step.kept:
            last[self.step.root_of(v)] = len(self.step.equations)
        return last

    def _lay_out_flats(self) -> None:
        """Place the vectors of parameters and states, and the slices of them that their parts are."""
        # The values with memory of their own from step to step: in which vector, or in themselves.
        self.homes: dict[Variable, Variable] = {}
        for flat in self.step.flats:
            if flat.variable in self.static:
                continue
            name = self.names[flat.variable]
            joined = flat.variable in self.joined
            if flat.counts and not joined:
                continue
            if flat.tensors is not None and joined:
                self.given[name] = None
                self._comment(name, flat.variable)
            else:
                self.setup.append(f"{name} = {self._new_array(flat.variable, 'np.zeros')}")
            self.static.add(flat.variable)
            if not flat.counts and (joined or flat.tensors is None):
                self._slice_flat(flat, name, joined)

    def _slice_flat(self, flat: Any, name: str, joined: bool) -> None:
        place = 0
        for part in flat.parts:
            size = math.prod(part.shape)
            if joined or self._can_live_in(part):
                shape = literal_text(tuple(part.shape))
                self.setup.append(f"{self.names[part]} = {name}[{place}:{place + size}].reshape({shape})")
                self.static.add(part)
                self.homes[part] = flat.variable
            place += size

    def _can_live_in(self, part: Variable) -> bool:
        """Return whether a computed value may be written straight into its place in a vector."""
        own = self.step.root_of(part) is part and part not in self.step.outside
        return own and part not in self.fresh and part not in self.static

    def _lay_out_constants(self) -> None:
        for variable, array in self.step.constants.items():
            if variable in self.static or variable in self.step.counters:
                continue
            name = self.names[variable]
            self.static.add(variable)
            if self.step.owners.get(variable) is None and array.size == 1 and array.dtype.kind in "fiub":
                value = f"{literal_text(array.item())}, {literal_text(array.dtype)}"
                self.setup.append(f"{name} = np.full({literal_text(array.shape)}, {value})")
            else:
                self.given[name] = array
                self._comment(name, variable)

    def _comment(self, name: str, variable: Variable) -> None:
        self.setup.append(f"# {name}: {variable.dtype} {literal_text(tuple(variable.shape))}, given")

    def _new_array(self, variable: Variable, function: str = "np.empty") -> str:
        order = self.layout.order.get(variable)
        if order is not None:
            shape = literal_text(tuple(variable.shape[d] for d in order))
            return f"{function}({shape}, {literal_text(variable.dtype)}){_turned_back(order)}"
        return f"{function}({literal_text(tuple(variable.shape))}, {literal_text(variable.dtype)})"

    def _lay_out_gradients(self) -> None:
        for _, variable in self.step.gradients:
            if variable not in self.static and self._can_live_in(variable):
                self.setup.append(f"{self.names[variable]} = {self._new_array(variable, 'np.zeros')}")
                self.static.add(variable)
                self.homes[variable] = variable

    def _copy_gradients(self) -> None:
        """Gradients that are views, inputs or results are copied into memory of their own at the end."""
        self.gradient_names: list[str] = []
        for _, variable in self.step.gradients:
            name = self.names[variable]
            if variable not in self.homes:
                copy = self.names.unique(f"{name}_kept")
                self.setup.append(f"{copy} = {self._new_array(variable, 'np.zeros')}")
                self.ending.append(f"{copy}[...] = {name}")
                name = copy
            self.gradient_names.append(name)

    def _read_settings(self) -> None:
        groups: dict[int, str] = {}
        for variable, (group, name, place) in self.step.settings.items():
            if id(group) not in groups:
                groups[id(group)] = self.names.unique("group")
                self.given[groups[id(group)]] = group
            index = "" if place is None else f"[{place}]"
            self.prelude.append(f"{self.names[variable]} = {groups[id(group)]}[{name!r}]{index}")

    def _scratch_text(self) -> list[str]:
        if not self.scratch.size:
            return []
        return [f"scratch = np.empty({self.scratch.size}, np.uint8)"]

    def _take_scratch(self, i: int, e: Equation, out: Variable) -> None:
        for x in variables_of(e.inputs) if e.primitive.elementwise else ():
            root = self.step.root_of(x)
            dies = self.last_use[root] == i and x is root and root in self.scratch.places
            alike = (x.shape, x.dtype, self.layout.order.get(x)) == (out.shape, out.dtype, self.layout.order.get(out))
            if dies and alike and root not in self._overtaken:
                self.scratch.take_over(out, root)
                self._overtaken.add(root)
                break
        else:
            self.scratch.take(out)
        begin = self.scratch.places[out][0]
        self.setup.append(f"{self.names[out]} = {self._scratch_view(out, begin)}")
        self.static.add(out)

    def _scratch_view(self, out: Variable, begin: int) -> str:
        end = begin + math.prod(out.shape) * out.dtype.itemsize
        memory = f"scratch[{begin}:{end}].view({literal_text(out.dtype)})"
        order = self.layout.order.get(out)
        if order is None:
            return f"{memory}.reshape({literal_text(tuple(out.shape))})"
        shape = literal_text(tuple(out.shape[d] for d in order))
        return f"{memory}.reshape({shape}){_turned_back(order)}"

    def _release(self, i: int, e: Equation) -> None:
        for root in {self.step.root_of(x) for x in variables_of([*e.inputs, *e.outputs])}:
            if self.last_use.get(root) == i and root in self.scratch.places and root not in self._overtaken:
                self.scratch.give_back(root)


def _turned_back(order: tuple[int, ...]) -> str:
    """Return what makes an array whose dimensions lie in an order one of the value's own shape."""
    return ".T" if order == (1, 0) else f".transpose({literal_text(tuple(int(d) for d in np.argsort(order)))})"
