"""Writing a step as NumPy source: setup that lays out the memory, and one function of straight lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import WRITE, Equation, Variable
from .kernels import Binding, Fact, NotInlinable, NumberFact, Unknown, inline, literal_text
from .memory import Scratch
from .names import Names
from .numbers import TRUTH
from .program import Step, is_number, variables_of
from .updates import ADVANCE, COUNT, PACK, UNPACK

__all__ = ["Source", "write_source"]


class Source:
    """The text of a program, and what its names stand for: ``given`` holds arrays, kernels and groups by name."""

    def __init__(self, text: str, given: dict[str, Any], names: Names, gradient_names: list[str]):
        self.text = text
        self.given = given
        self.names = names
        self.gradient_names = gradient_names


def write_source(step: Step, arguments: list[str], joined: set[Variable]) -> Source:
    """Return the source of a step. ``joined``: the flat vectors whose parts lie one behind the other in their memory."""
    return _Writer(step, arguments, joined).write()


class _Writer:
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
        self.scratch = Scratch()
        self._overtaken: set[Variable] = set()
        self.fresh = {step.root_of(v) for v in step.outputs} - step.outside
        self.last_use = self._last_uses()
        self.arguments = [self.names[v] for v in dict.fromkeys(step.inputs)]

    def write(self) -> Source:
        self._lay_out_flats()
        self._lay_out_constants()
        self._lay_out_gradients()
        self._read_settings()
        for i, e in enumerate(self.step.equations):
            self._equation(i, e)
        self._copy_gradients()
        return Source(self._text(), self.given, self.names, self.gradient_names)

    def _text(self) -> str:
        found = [self.names[v] for _, v in self.step.found]
        results = ", ".join(self.names[v] for v in self.step.outputs)
        lines = ["import numpy as np", "", *self._scratch_text(), *self.setup, "", ""]
        lines.append("@np.errstate(all='ignore')")
        lines.append(f"def step({', '.join([*self.arguments, *found])}):")
        body = [*self.prelude, *self.body, *self.ending]
        lines += [f"    {line}" if line else "" for line in body]
        lines.append(f"    return ({results}{',' if len(self.step.outputs) == 1 else ''})")
        return "\n".join(lines) + "\n"

    # -- memory --------------------------------------------------------------------------------------------------------

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
        self.homes: set[Variable] = set()
        for flat in self.step.flats:
            if flat.variable in self.static:
                continue
            name = self.names[flat.variable]
            shape = flat.variable.shape
            joined = flat.variable in self.joined
            if flat.tensors is not None and (joined or flat.variable in self.step.counters):
                self.given[name] = None
                self._comment(name, flat.variable)
            elif flat.tensors is None:
                self.setup.append(f"{name} = np.zeros({shape}, {literal_text(flat.variable.dtype)})")
            else:
                self.setup.append(f"{name} = np.empty({shape}, {literal_text(flat.variable.dtype)})")
            self.static.add(flat.variable)
            if flat.variable in self.step.counters:
                continue
            if joined or flat.tensors is None:
                self._slice_flat(flat, name, joined)

    def _slice_flat(self, flat: Any, name: str, joined: bool) -> None:
        place = 0
        for part in flat.parts:
            size = int(np.prod(part.shape))
            if joined or self._can_live_in(part):
                shape = literal_text(tuple(part.shape))
                self.setup.append(f"{self.names[part]} = {name}[{place}:{place + size}].reshape({shape})")
                self.static.add(part)
                self.homes.add(part)
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
                self.setup.append(
                    f"{name} = np.full({literal_text(array.shape)}, {literal_text(array.item())}, {literal_text(array.dtype)})"
                )
            else:
                self.given[name] = array
                self._comment(name, variable)

    def _comment(self, name: str, variable: Variable) -> None:
        self.setup.append(f"# {name}: {variable.dtype} {literal_text(tuple(variable.shape))}, given")

    def _lay_out_gradients(self) -> None:
        for _, variable in self.step.gradients:
            if variable not in self.static and self._can_live_in(variable):
                shape = literal_text(tuple(variable.shape))
                self.setup.append(f"{self.names[variable]} = np.zeros({shape}, {literal_text(variable.dtype)})")
                self.static.add(variable)
                self.homes.add(variable)

    def _copy_gradients(self) -> None:
        """Gradients that are views, inputs or results are copied into memory of their own at the end."""
        self.gradient_names: list[str] = []
        for _, variable in self.step.gradients:
            name = self.names[variable]
            if variable not in self.homes:
                copy = self.names.unique(f"{name}_kept")
                shape = literal_text(tuple(variable.shape))
                self.setup.append(f"{copy} = np.zeros({shape}, {literal_text(variable.dtype)})")
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
            if dies and (x.shape, x.dtype) == (out.shape, out.dtype) and root not in self._overtaken:
                self.scratch.take_over(out, root)
                self._overtaken.add(root)
                break
        else:
            self.scratch.take(out)
        begin = self.scratch.places[out][0]
        end = begin + int(np.prod(out.shape)) * out.dtype.itemsize
        shape = literal_text(tuple(out.shape))
        view = f"scratch[{begin}:{end}].view({literal_text(out.dtype)}).reshape({shape})"
        self.setup.append(f"{self.names[out]} = {view}")
        self.static.add(out)

    def _release(self, i: int, e: Equation) -> None:
        for root in {self.step.root_of(x) for x in variables_of([*e.inputs, *e.outputs])}:
            if self.last_use.get(root) == i and root in self.scratch.places and root not in self._overtaken:
                self.scratch.give_back(root)

    # -- equations -----------------------------------------------------------------------------------------------------

    def _equation(self, i: int, e: Equation) -> None:
        if e.primitive is COUNT:
            self.prelude.append(f"{self.names[e.outputs[0]]} = {self.names[e.inputs[0]]}.item(0)")
        elif e.primitive is TRUTH:
            question = "" if e.keywords["answer"] else "not "
            self.prelude.append(f"if {'' if question else 'not '}{self._text_of(e.inputs[0])}:")
            self.prelude.append("    raise Stale")
        elif is_number(e.primitive):
            operands = [self._text_of(x) for x in e.inputs]
            self.prelude.append(f"{self.names[e.outputs[0]]} = {e.primitive.template.format(*operands)}")
        elif e.primitive is ADVANCE:
            self.body.append(f"{self.names[e.outputs[0]]}.fill({self._text_of(e.inputs[0])})")
        elif e.primitive is PACK:
            self._pack(e)
        elif e.primitive is UNPACK:
            self._unpack(e)
        elif e.primitive is WRITE:
            target, value = self._text_of(e.outputs[0]), self._text_of(e.inputs[1])
            self.body.append(f"np.copyto({target}, {value}, casting='same_kind')")
        else:
            self._call(i, e)
            self._release(i, e)

    def _pack(self, e: Equation) -> None:
        place, name = 0, self.names[e.outputs[0]]
        if e.outputs[0] in self.joined:
            return
        for x in e.inputs:
            size = int(np.prod(x.shape))
            if x not in self.homes:
                self.body.append(f"{name}[{place}:{place + size}] = {self.names[x]}.ravel()")
            place += size

    def _unpack(self, e: Equation) -> None:
        place, flat = 0, e.inputs[0]
        if flat in self.joined:
            return
        for x in e.outputs:
            size = int(np.prod(x.shape))
            shape = literal_text(tuple(x.shape))
            self.body.append(f"{self.names[x]}[...] = {self.names[flat]}[{place}:{place + size}].reshape({shape})")
            place += size

    def _call(self, i: int, e: Equation) -> None:
        outs = e.outputs
        is_view = self.step.root_of(outs[0]) is not outs[0]
        sources = [x for x in variables_of(e.inputs) if x not in self.step.numbers]
        if is_view and not e.writes:
            hoisted = all(x in self.static for x in sources)
            lines, result = self._expression(e, None)
            place = self.setup if hoisted else self.body
            place += [*lines, f"{self._left(outs)} = {result}"]
            if hoisted:
                self.static.update(outs)
            return
        if e.writes and not e.primitive.takes_out:
            lines, result = self._expression(e, None)
            self.body += [*lines, f"np.copyto({self.names[outs[0]]}, {result}, casting='same_kind')"]
            return
        if not e.writes and e.primitive.takes_out:
            for out in outs:
                if out in self.static:
                    continue
                if out in self.fresh:
                    shape = literal_text(tuple(out.shape))
                    self.body.append(f"{self.names[out]} = np.empty({shape}, {literal_text(out.dtype)})")
                else:
                    self._take_scratch(i, e, out)
        into = self._left(outs) if e.primitive.takes_out else None
        lines, result = self._expression(e, into)
        self._header(e)
        self.body += lines
        if into is not None:
            if result not in (into, f"({into})"):
                self.body.append(result)
            return
        homes = [o for o in outs if o in self.static]
        if len(outs) == 1 and homes:
            self.body.append(f"{self.names[outs[0]]}[...] = {result}")
        elif len(outs) == 1 and not outs[0].shape:
            self.body.append(f"{self.names[outs[0]]} = np.asarray({result})")
        elif homes:
            plain = [self.names.unique(f"{self.names[o]}_new") for o in outs]
            self.body.append(f"{', '.join(plain)} = {result}")
            for o, new in zip(outs, plain, strict=True):
                self.body.append(f"{self.names[o]}[...] = {new}" if o in self.static else f"{self.names[o]} = {new}")
        else:
            self.body.append(f"{self._left(outs)} = {result}")

    def _header(self, e: Equation) -> None:
        shapes = ", ".join(literal_text(tuple(o.shape)) for o in e.outputs)
        self.body.append(f"# {e.primitive.name}: {' '.join(e.primitive.formula.split())}  {shapes}")

    def _left(self, outs: list[Variable]) -> str:
        return self.names[outs[0]] if len(outs) == 1 else f"({', '.join(self.names[o] for o in outs)})"

    def _text_of(self, x: Any) -> str:
        if isinstance(x, Variable):
            return self.names[x]
        try:
            return literal_text(x)
        except Unknown:
            return self._give("constant", x)

    def _give(self, wish: str, value: Any) -> str:
        for name, held in self.given.items():
            if held is value:
                return name
        name = self.names.unique(wish)
        self.given[name] = value
        return name

    def _bind(self, x: Any) -> Binding:
        if isinstance(x, Variable):
            fact: Any = NumberFact() if x in self.step.numbers else Fact(tuple(x.shape), x.dtype)
            return Binding(self.names[x], fact)
        return Binding(self._text_of(x), x)

    def _expression(self, e: Equation, out: str | None) -> tuple[list[str], str]:
        """Return the lines, and the expression, of an equation's result, written into ``out`` where that is given."""
        p = e.primitive
        if not (p.variadic or p.random):
            inputs = [*e.inputs, *(p.optional[n] for n in p.inputs[len(e.inputs) :])]
            bindings = {name: self._bind(x) for name, x in zip(p.inputs, inputs, strict=True)}
            bindings.update({name: self._bind(value) for name, value in e.keywords.items()})
            if p.takes_out:
                variable = e.outputs[0] if len(e.outputs) == 1 else None
                fact = (
                    None
                    if out is None
                    else Fact(tuple(variable.shape), variable.dtype)
                    if variable
                    else Fact((), np.dtype("f4"))
                )
                bindings["out"] = Binding(out or "None", fact)
            try:
                return inline(p.kernel, bindings, self.names[e.outputs[0]], self._give)
            except NotInlinable:
                pass
        arguments = ["np", *map(self._text_of, e.inputs)]
        arguments += [f"{name}={self._text_of(value)}" for name, value in e.keywords.items()]
        if out is not None:
            arguments.append(f"out={out}")
        return [], f"{self._give(p.name, p.kernel)}({', '.join(arguments)})"
