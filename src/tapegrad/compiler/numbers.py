"""Python numbers in a captured step: learning rates and counts of steps, read anew each time the program runs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor, TracedNumber, Variable

if TYPE_CHECKING:
    from .capture import Capture

__all__ = ["TRUTH", "Cell", "Number", "NumberOperation"]


class NumberOperation:
    """A step of a program that computes with Python numbers; ``template`` is its source."""

    formula = ""
    random = False

    def __init__(self, name: str, template: str, compute: Callable):
        self.name = name
        self.template = template
        self.kernel = lambda xp, *values, **keywords: compute(*values)


_OPERATIONS = {
    name: NumberOperation(name, template, getattr(operator, name))
    for name, template in {
        "add": "{} + {}",
        "sub": "{} - {}",
        "mul": "{} * {}",
        "truediv": "{} / {}",
        "pow": "{} ** {}",
        "neg": "-{}",
        "abs": "abs({})",
        "lt": "{} < {}",
        "le": "{} <= {}",
        "gt": "{} > {}",
        "ge": "{} >= {}",
        "eq": "{} == {}",
        "ne": "{} != {}",
    }.items()
}
_LITERAL = NumberOperation("number", "{}", lambda value: value)
# A question that decided which way Python went while the step was captured: the program holds for this answer alone.
TRUTH = NumberOperation("truth", "bool({})", bool)


class Number(TracedNumber):
    """A number whose arithmetic becomes part of the program. Asking for its truth makes the answer a condition of it."""

    __slots__ = ("capture",)

    def __init__(self, capture: Capture, value: Any, variable: Variable):
        self.capture = capture
        self.value = value
        self.variable = variable

    def _apply(self, name: str, *operands: Any) -> Any:
        operation = _OPERATIONS[name]
        if any(isinstance(x, (Tensor, np.ndarray)) for x in operands):
            return NotImplemented
        value = operation.kernel(None, *(x.value if isinstance(x, Number) else x for x in operands))
        variable = self.capture.new_number(value)
        self.capture.note(operation, [self.capture.read(x) for x in operands], [variable])
        return Number(self.capture, value, variable)

    def __bool__(self) -> bool:
        answer = bool(self.value)
        self.capture.note(TRUTH, [self.variable], [], {"answer": answer})
        return answer

    def __float__(self) -> float:
        question = self._apply("eq", self, float(self.value))
        return float(self.value) if question else float("nan")

    def __format__(self, spec: str) -> str:
        return format(float(self), spec)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Number({self.value})"


def _binary(name: str) -> Callable:
    def method(self: Number, other: Any) -> Any:
        return self._apply(name, self, other)

    return method


def _reflected(name: str) -> Callable:
    def method(self: Number, other: Any) -> Any:
        return self._apply(name, other, self)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Number, f"__{_name}__", _binary(_name))
    setattr(Number, f"__r{_name}__", _reflected(_name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _binary(_name))
for _name in ("neg", "abs"):
    setattr(Number, f"__{_name}__", lambda self, name=_name: self._apply(name, self))


class Cell(Number):
    """A number that is part of an optimizer's state: in-place arithmetic changes what it will be after the step."""

    __slots__ = ()

    def become(self, value: Any) -> None:
        """Take a new value."""
        if isinstance(value, Number):
            self.value, self.variable = value.value, value.variable
            return
        self.value, self.variable = value, self.capture.new_number(value)
        self.capture.note(_LITERAL, [value], [self.variable])


def _inplace(name: str) -> Callable:
    def method(self: Cell, other: Any) -> Cell:
        self.become(self._apply(name, self, other))
        return self

    return method


for _name in ("add", "sub", "mul", "truediv"):
    setattr(Cell, f"__i{_name}__", _inplace(_name))
