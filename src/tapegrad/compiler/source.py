"""Writing a step as NumPy source: setup that lays out the memory, and one function of straight lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import WRITE, Equation, Variable
from .blocks import Block, find_blocks
from .calls import Calls
from .formatting import without_dead_setup
from .kernels import literal_text
from .layout import is_reshape
from .loops.target import LoopWriter
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


def write_source(
    step: Step, arguments: list[str], joined: set[Variable], target: str | None = None, see: bool = False
) -> Source:
    """Return the source of a step. ``joined``: the flat vectors whose parts lie one behind the other in their memory.

    With ``see`` the source hands the results of each equation to a function of that name.
    """
    return _Writer(step, arguments, joined, target, see).write()


class _Writer(Calls):
    def __init__(self, step: Step, arguments: list[str], joined: set[Variable], target: str | None, see: bool):
        super().__init__(step, arguments, joined)
        self.see = see
        self.target = target
        self.loops = LoopWriter(self) if target == "numba" else None
        # The loops take some equations together, after which other values are used last by others.
        self.last_use = self._last_uses()

    def write(self) -> Source:
        self._lay_out_flats()
        self._lay_out_constants()
        self._lay_out_gradients()
        self._read_settings()
        blocks = {} if self.loops or self.see else find_blocks(self.step, self.layout, self.fresh)
        i = 0
        while i < len(self.step.equations):
            block = blocks.get(i)
            if block is not None and self._block(i, block):
                i += len(block.equations)
            else:
                e = self.step.equations[i]
                self._equation(i, e)
                if (
                    self.see
                    and e.outputs
                    and not is_number(e.primitive)
                    and e.primitive not in (PACK, UNPACK, COUNT, ADVANCE)
                ):
                    self.body.append(f"see({i}, {', '.join(self.names[o] for o in e.outputs)})")
                i += 1
        self._copy_gradients()
        return Source(self._text(), self.given, self.names, self.gradient_names)

    def _text(self) -> str:
        found = [self.names[v] for _, v in self.step.found]
        results = ", ".join(self.names[v] for v in self.step.outputs)
        lines = ["", "", *(self.loops.lines if self.loops is not None else ())]
        if self.loops is not None:
            self.given["njit"] = self.loops.loops
        lines.append("@np.errstate(all='ignore')")
        lines.append(f"def step({', '.join([*self.arguments, *found])}):")
        body = [line for line in (*self.prelude, *self.body, *self.ending) if not line.isidentifier()]
        lines += [f"    {line}" if line else "" for line in body]
        lines.append(f"    return ({results}{',' if len(self.step.outputs) == 1 else ''})")
        setup = [*self._scratch_text(), *self.setup]
        setup = without_dead_setup(setup, "\n".join([*lines, *self.gradient_names]))
        return "\n".join(["import numpy as np", "", *setup, *lines]) + "\n"

    # -- blocks --------------------------------------------------------------------------------------------------------

    def _block(self, i: int, block: Block) -> bool:
        """Write elementwise equations as one loop over pieces that fit the cache; False where that cannot be done."""
        outside = [v for v in block.operands if v not in self.static and v not in block.made]
        if any(v.shape for v in outside):
            return False
        last = i + len(block.equations) - 1
        inner = {v for v in block.made if self.last_use[v] <= last and v not in self.static}
        for k, e in enumerate(block.equations):
            for out in e.outputs:
                if not e.writes and out not in self.static and out not in inner:
                    self._take_scratch(i + k, e, out)
        pieces = block.pieces()
        parts, names = [], []
        for v in dict.fromkeys([*block.operands, *block.made]):
            if v in inner or not v.shape:
                continue
            short = self.names.unique(f"{self.names[v]}_")
            parts.append(block.slice_text(v, self.names[v]))
            names.append(short)
            self.inside[v] = short
        buffers = self._block_buffers(i, block, inner)
        for name, (dtype, text) in buffers.items():
            self.setup.append(f"{name} = {text}")
            parts.append(f"{name}[:{block.piece_length}]")
            names.append(self.inside_buffers[name])
            del dtype
        loop = self.names.unique("blocks")
        self.setup.append(f"{loop} = [({', '.join(parts)},) for {pieces}]")
        body, self.body = self.body, []
        for e in block.equations:
            self._call(i, e)
        lines, self.body = self.body, body
        self.body.append(f"for {', '.join(names)}, in {loop}:")
        self.body += [f"    {line}" for line in lines]
        self.inside.clear()
        for k, e in enumerate(block.equations):
            self._release(i + k, e)
        return True

    def _block_buffers(self, i: int, block: Block, inner: set[Variable]) -> dict[str, tuple[np.dtype, str]]:
        """Give the values that live inside the loop alone a piece of memory each, shared where their lives allow."""
        buffers: dict[str, tuple[np.dtype, str]] = {}
        self.inside_buffers: dict[str, str] = {}
        free: dict[np.dtype, list[str]] = {}
        for k, e in enumerate(block.equations):
            dying = [x for x in variables_of(e.inputs) if x in inner and self.last_use[x] == i + k]
            for out in e.outputs:
                if out not in inner or out in self.inside:
                    continue
                heir = next((x for x in dying if x.dtype == out.dtype), None)
                if heir is not None:
                    dying.remove(heir)
                    self.inside[out] = self.inside[heir]
                elif free.get(out.dtype):
                    self.inside[out] = free[out.dtype].pop()
                else:
                    name = self.names.unique("block_work")
                    buffers[name] = out.dtype, f"np.empty({literal_text(block.piece_shape)}, {literal_text(out.dtype)})"
                    self.inside[out] = self.inside_buffers[name] = self.names.unique("work")
                self.static.add(out)
            for x in dict.fromkeys(dying):
                free.setdefault(x.dtype, []).append(self.inside[x])
        return buffers

    # -- equations -----------------------------------------------------------------------------------------------------

    def _equation(self, i: int, e: Equation) -> None:
        if self.loops is not None and self.loops.write(i, e):
            pass
        elif e.primitive is COUNT:
            counter = e.inputs[0] if e.inputs[0] in self.joined else self._counted[e.inputs[0]][0]
            self.prelude.append(f"{self.names[e.outputs[0]]} = {self.names[counter]}.item(0)")
        elif e.primitive is TRUTH:
            question = f"{'not ' if e.keywords['answer'] else ''}{self._text_of(e.inputs[0])}"
            if f"if {question}:" not in self.prelude:
                self.prelude += [f"if {question}:", "    raise Stale"]
        elif is_number(e.primitive):
            operands = [self._text_of(x) for x in e.inputs]
            self.prelude.append(f"{self.names[e.outputs[0]]} = {e.primitive.template.format(*operands)}")
        elif e.primitive is ADVANCE:
            counter = e.outputs[0]
            for part in [counter] if counter in self.joined else self._counted[counter]:
                self.body.append(f"{self.names[part]}.fill({self._text_of(e.inputs[0])})")
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
        self._announce_update(e.outputs[0])
        if e.outputs[0] in self.joined:
            return
        for x in e.inputs:
            size = math.prod(x.shape)
            if self.homes.get(x) is not e.outputs[0]:
                self.body.append(f"{name}[{place}:{place + size}] = {self.names[x]}.ravel()")
            place += size

    def _announce_update(self, vector: Variable) -> None:
        """Say what is about to update a vector of parameters, in the words of the optimizer's docstring."""
        flat = next((f for f in self.step.flats if f.variable is vector and f.use == "parameters"), None)
        if flat is not None:
            kind = type(flat.optimizer)
            formula = (kind.__doc__ or "").strip().split("\n")[0]
            self.body.append(f"# -- {kind.__name__}: {formula}")

    def _unpack(self, e: Equation) -> None:
        place, flat = 0, e.inputs[0]
        if flat in self.joined:
            return
        for x in e.outputs:
            size = math.prod(x.shape)
            shape = literal_text(tuple(x.shape))
            self.body.append(f"{self.names[x]}[...] = {self.names[flat]}[{place}:{place + size}].reshape({shape})")
            place += size

    def _call(self, i: int, e: Equation) -> None:
        outs = e.outputs
        if self.step.root_of(outs[0]) is not outs[0] and not e.writes:
            self._view(e)
        elif outs[0] in self.layout.copies:
            self._copied_view(i, e)
        elif e.writes and not e.primitive.takes_out:
            lines, result = self._expression(e, None)
            self.body += [*lines, f"np.copyto({self.name(outs[0])}, {result}, casting='same_kind')"]
        elif e.primitive.takes_out:
            for out in outs:
                if not e.writes and out not in self.static:
                    self._place(i, e, out)
            into = self._left(outs)
            lines, result = self._expression(e, into)
            self._header(e)
            self.body += lines
            if result not in (into, f"({into})"):
                self.body.append(result)
        else:
            self._result(e)

    def _view(self, e: Equation) -> None:
        sources = [x for x in variables_of(e.inputs) if x not in self.step.numbers]
        hoisted = all(x in self.static for x in sources)
        lines, result = self._expression(e, None)
        place = self.setup if hoisted else self.body
        place += [*lines, f"{self._left(e.outputs)} = {result}"]
        if hoisted:
            self.static.update(e.outputs)

    def _copied_view(self, i: int, e: Equation) -> None:
        """Write a view that the layout of its source has turned into a copy."""
        out, source = e.outputs[0], e.inputs[0]
        self._place(i, e, out)
        self._header(e)
        if is_reshape(e):
            seen = self.names.unique(f"{self.names[out]}_as_source")
            self.setup.append(f"{seen} = {self.names[out]}.reshape({literal_text(tuple(source.shape))})")
            self.body.append(f"{seen}[...] = {self._text_of(source)}")
        else:
            lines, result = self._expression(e, None)
            self.body += [*lines, f"{self.names[out]}[...] = {result}"]

    def _place(self, i: int, e: Equation, out: Variable) -> None:
        """Find memory for a result: new memory for what is handed out, else scratch."""
        if out in self.fresh:
            self.body.append(f"{self.names[out]} = {self._new_array(out)}")
        else:
            self._take_scratch(i, e, out)

    def _result(self, e: Equation) -> None:
        """Write an equation whose kernel makes its own memory."""
        outs = e.outputs
        lines, result = self._expression(e, None)
        self._header(e)
        self.body += lines
        homes = [o for o in outs if o in self.static]
        if len(outs) == 1:
            if e.primitive.view and not homes:
                # It was a copy when it was recorded; with the program's memory it could be a view.
                result = f"np.array({result})"
            if homes:
                self.body.append(f"{self.name(outs[0])}[...] = {result}")
            else:
                self.body.append(f"{self.names[outs[0]]} = {result if outs[0].shape else f'np.asarray({result})'}")
        elif homes:
            plain = [self.names.unique(f"{self.names[o]}_new") for o in outs]
            self.body.append(f"{', '.join(plain)} = {result}")
            for o, new in zip(outs, plain, strict=True):
                self.body.append(f"{self.names[o]}[...] = {new}" if o in self.static else f"{self.names[o]} = {new}")
        else:
            self.body.append(f"{self._left(outs)} = {result}")
