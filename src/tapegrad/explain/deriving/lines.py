"""From the record of one run to the lines of its formulas."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...core import Variable
from ...errors import ArgumentError
from ..formulas.call import Call, at
from ..formulas.line import Line
from ..formulas.operations import element_of, forward_of
from ..formulas.recurrent import way_there
from ..network.recording import Recorder
from .backward import ChainRule
from .names import Symbols, input_names, variables_in

__all__ = ["Derivation", "Deriver"]


@dataclasses.dataclass(frozen=True)
class Derivation:
    """The formulas of a network. Printing gives them as LaTeX for amsmath; a notebook draws them.

    ``forward`` and ``backward``: lines in the order of computing, with ``left``, ``right``, ``shape``, ``layer`` (the
    module's path), ``operation`` and ``latex``. ``symbols``: what the symbols of inputs and parameters stand for.
    """

    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    symbols: dict[str, str]

    def __str__(self) -> str:
        legend = [f"% {symbol}: {name}" for symbol, name in self.symbols.items()]
        parts = [
            "\n".join([f"% {title}", r"\begin{align*}", " \\\\\n".join(map(_aligned, lines)), r"\end{align*}"])
            for title, lines in (("forward", self.forward), ("backward", self.backward))
            if lines
        ]
        return "\n".join([*legend, *parts])

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        body = " \\\\\n".join(_aligned(line) for line in (*self.forward, *self.backward))
        return f"$$\\begin{{aligned}}\n{body}\n\\end{{aligned}}$$"


def _aligned(line: Line) -> str:
    if not line.right:
        return rf"{line.left} &\in {line.shape}"
    return rf"{line.left} &{line.relation} {line.right} &&\in {line.shape}"


class Deriver:
    """Writes the operations of a recorded run, forward and backward."""

    def __init__(self, recorder: Recorder, model: Any):
        self.recorder = recorder
        self.measured = recorder.loss is not None
        self.ends = [recorder.loss] if recorder.loss is not None else [v for _, v in recorder.outputs]
        self.symbols = Symbols(recorder, model)
        self.alive = self._alive()
        reads = [v for place in self.alive for v in variables_in(recorder.equations[place].inputs)]
        self.used = {*reads, *self.ends}

    def derivation(self) -> Derivation:
        """Return all lines. Raises ArgumentError for writes into views, and when no gradient reaches a parameter."""
        self._refuse_views()
        forward, calls = [], []
        for number, place in enumerate(self.alive, 1):
            call = self._call(place, number)
            forward += self._lines(call, place)
            calls.append((call, self.recorder.tracked.get(place), forward[-1].layer))
        given = [] if self.measured else [self.symbols.of(v) for v in self.ends]
        backward = ChainRule(calls, self.symbols, given).lines()
        if not any(line.right for line in backward):
            raise ArgumentError(
                "derive", "no gradient reaches a parameter", "derive a network with parameters that are trained"
            )
        return Derivation(tuple(forward), tuple(backward), self.symbols.meanings)

    def _alive(self) -> list[int]:
        """Return the places of the equations that the end depends on; of running statistics it does not."""
        live: set[Variable] = set(self.ends)
        alive = []
        for place in reversed(range(len(self.recorder.equations))):
            equation = self.recorder.equations[place]
            if live.isdisjoint(equation.outputs):
                continue
            live.difference_update(equation.outputs)
            live.update(variables_in(equation.inputs))
            alive.append(place)
        return alive[::-1]

    def _refuse_views(self) -> None:
        """Raise ArgumentError for a write into memory that has two names: one formula would change two symbols."""
        memory: dict[Variable, set[Variable]] = {}
        equations = self.recorder.equations
        for equation in equations:
            if getattr(equation.primitive, "view", False):
                family = set(equation.outputs)
                for variable in (*variables_in(equation.inputs[:1]), *equation.outputs):
                    family |= memory.get(variable, {variable})
                memory.update(dict.fromkeys(family, family))
        for equation in equations:
            family = memory.get(equation.outputs[0], set())
            if equation.writes and len(family) > 1 and not family.isdisjoint(self.used):
                raise ArgumentError(
                    "derive",
                    f"{equation.primitive.name} at {equation.where} writes into a view, or into what has one",
                    "write out of place, or look at the numbers with step_through",
                )

    def _call(self, place: int, number: int) -> Call:
        equation = self.recorder.equations[place]
        read = list(variables_in(equation.inputs))
        names = input_names(equation)
        inputs = {
            n: self.symbols.of(v) if isinstance(v, Variable) else v for n, v in zip(names, equation.inputs, strict=True)
        }
        shapes = {n: v.shape if isinstance(v, Variable) else None for n, v in zip(names, equation.inputs, strict=True)}
        if not read or any(v in self.symbols.batched for v in read):
            self.symbols.batched.update(equation.outputs)
        is_loss = self.measured and place == self.alive[-1]
        several = sum(v in self.used for v in equation.outputs) > 1
        outputs = [
            self.symbols.name_result(v, number, i if several or v not in self.used else 0, is_loss and v in self.ends)
            for i, v in enumerate(equation.outputs, 1)
        ]
        return Call(
            equation.primitive.name,
            inputs,
            shapes,
            outputs,
            [v.shape for v in equation.outputs],
            equation.keywords,
            batched=tuple(n for n, v in zip(names, equation.inputs, strict=True) if self.symbols.is_batch(v)),
            mark=str(number),
            used=tuple(v in self.used for v in equation.outputs),
        )

    def _lines(self, call: Call, place: int) -> list[Line]:
        here = self.recorder.call_of[place]
        layer = self.recorder.calls[here].path if here >= 0 else ""
        recurrent = way_there(call)
        if recurrent:
            return [Line(*line, layer, operation=call.name) for line in recurrent]
        element = element_of(call)
        names = [name for name, used in zip(call.out, call.used, strict=True) if used]
        left = at(names[0], element) if element else ", ".join(names)
        relation = r"\sim" if call.name == "bernoulli_mask" else "="
        return [Line(left, forward_of(call), self.symbols.space(names[0]), layer, relation, call.name)]
