"""Equations as expressions: a kernel's own lines where these can be put in, else a call of the kernel."""

from __future__ import annotations

import functools
from typing import Any

from ..core import Equation, Variable
from .formulas import in_plain_text
from .kernels import Binding, Fact, NotInlinable, NumberFact, Unknown, inline, literal_text
from .placement import Placement
from .program import variables_of

__all__ = ["Calls"]


class Calls(Placement):
    """What an equation looks like in the source. A base of the writer of sources."""

    def _header(self, e: Equation) -> None:
        shapes = ", ".join(literal_text(tuple(o.shape)) for o in e.outputs)
        self.body.append(f"# {e.primitive.name}: {in_plain_text(e.primitive.formula)}  {shapes}")

    def _left(self, outs: list[Variable]) -> str:
        return self.name(outs[0]) if len(outs) == 1 else f"({', '.join(self.name(o) for o in outs)})"

    def _text_of(self, x: Any) -> str:
        if isinstance(x, Variable):
            return self.name(x)
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
            return Binding(self.name(x), fact)
        return Binding(self._text_of(x), x)

    def _expression(self, e: Equation, out: str | None) -> tuple[list[str], str]:
        """Return the lines, and the expression, of an equation's result, written into ``out`` where that is given."""
        p = e.primitive
        if not (p.variadic or p.random):
            inputs = [*e.inputs, *(p.optional[n] for n in p.inputs[len(e.inputs) :])]
            bindings = {name: self._bind(x) for name, x in zip(p.inputs, inputs, strict=True)}
            bindings.update({name: self._bind(value) for name, value in e.keywords.items()})
            if p.takes_out:
                bindings["out"] = self._bind_out(e, out)
            try:
                lines, result = inline(
                    p.kernel, bindings, functools.partial(self.names.local, e.outputs[0]), self._give
                )
            except NotInlinable:
                pass
            else:
                return [self._as_dot(e, line, out) for line in lines], self._as_dot(e, result, out)
        arguments = ["np", *map(self._text_of, e.inputs)]
        arguments += [f"{name}={self._text_of(value)}" for name, value in e.keywords.items()]
        if out is not None:
            arguments.append(f"out={out}")
        return [], f"{self._give(p.name, p.kernel)}({', '.join(arguments)})"

    def _as_dot(self, e: Equation, line: str, out: str | None) -> str:
        """Write a product of matrices with ``np.dot``, which costs less to call, where the result is contiguous."""
        variable = e.outputs[0]
        if out is None or "np.matmul(" not in line or variable in self.layout.order or variable in self.inside:
            return line
        flat = all(len(x.shape) <= 2 and x.dtype == variable.dtype for x in variables_of(e.inputs))
        is_result = line.endswith(f", out={out})")
        fits = flat and len(variable.shape) in (1, 2) and variable.dtype.kind == "f" and 0 not in variable.shape
        return (
            line.replace("np.matmul(", "np.dot(", 1) if fits and is_result and line.count("np.matmul(") == 1 else line
        )

    @staticmethod
    def _bind_out(e: Equation, out: str | None) -> Binding:
        if out is None:
            return Binding("None", None)
        first = e.outputs[0]
        return Binding(out, Fact(tuple(first.shape), first.dtype) if len(e.outputs) == 1 else Fact((), first.dtype))
