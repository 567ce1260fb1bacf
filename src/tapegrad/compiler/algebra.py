"""Arithmetic that can be done beforehand: constants combined, multiplications by one left out."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..core import Equation, Variable
from .program import Step

__all__ = ["fold"]

# What holds a tensor that is the step's alone while it is counted: the table of owners, and the argument. What holds its
# array: the tensor, the table of constants, and the argument.
_REFERENCES_OF_ITS_OWN = 2
_REFERENCES_OF_ITS_ARRAY = 3
_REFERENCES_OF_ITS_BASE = 3


def fold(step: Step) -> None:
    """Work out what depends on constants of the step alone, and put numbers in the place of constant arrays.

    Constants of the step are those that it makes itself, such as the 1 that every backward pass begins with; parameters
    and buffers are none. Products of constants are combined only where that changes no bit: by a power of two.
    """
    _Folder(step).run()


class _Folder:
    def __init__(self, step: Step):
        self.step = step
        _forget_private_owners(step)
        written = {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}
        kept = {step.root_of(v) for v in step.kept}
        # The one value that every element of a constant has.
        self.uniform: dict[Variable, Any] = {}
        for v, array in step.constants.items():
            if step.owners.get(v) is None and v not in written and v not in kept and _is_uniform(array):
                self.uniform[v] = array.item(0) if array.size == 1 else array.flat[0].item()
        self.untouchable = written | kept
        # For x = c · y: c and y.
        self.factors: dict[Variable, tuple[float, Variable]] = {}
        self.same: dict[Variable, Variable] = {}

    def run(self) -> None:
        equations = []
        for e in self.step.equations:
            e.inputs = [self.same.get(x, x) if isinstance(x, Variable) else x for x in e.inputs]
            if e.writes or len(e.outputs) != 1 or not hasattr(e.primitive, "elementwise") or e.primitive.random:
                equations.append(e)
            elif not self._becomes_constant(e):
                if e.primitive.elementwise:
                    self._put_numbers_in(e)
                if not (e.primitive.name == "mul" and self._is_left_out(e)):
                    equations.append(e)
        self.step.equations = equations
        for flat in self.step.flats:
            flat.parts = [self.same.get(v, v) for v in flat.parts]

    def _becomes_constant(self, e: Equation) -> bool:
        """Work an equation out beforehand when its inputs are known; what it gives must be one number in all places."""
        out = e.outputs[0]
        if self.step.root_of(out) in self.untouchable or out in self.untouchable or not e.inputs:
            return False
        if any(isinstance(x, Variable) and x not in self.uniform for x in e.inputs):
            return False
        arrays = [np.full(x.shape, self.uniform[x], x.dtype) if isinstance(x, Variable) else x for x in e.inputs]
        if sum(a.size for a in arrays if isinstance(a, np.ndarray)) > 1 << 16:
            return False
        with np.errstate(all="ignore"):
            result = e.primitive.kernel(np, *arrays, **e.keywords)
        if isinstance(result, tuple) or not _is_uniform(np.asarray(result)):
            return False
        result = np.asarray(result)
        self.uniform[out] = result.flat[0].item()
        self.step.root.pop(out, None)
        self.step.constants[out] = np.broadcast_to(np.asarray(result.flat[0]), result.shape)
        self.step.owners[out] = None
        return True

    def _put_numbers_in(self, e: Equation) -> None:
        """Replace constant operands by numbers where another operand of the result's shape and dtype remains."""
        out = e.outputs[0]
        for i, x in enumerate(e.inputs):
            others = [y for k, y in enumerate(e.inputs) if k != i and isinstance(y, Variable)]
            alike = (
                any(y.shape == out.shape and y.dtype == x.dtype for y in others) if isinstance(x, Variable) else False
            )
            if alike and x in self.uniform and x.dtype.kind == "f" and e.primitive.promote == "common":
                e.inputs[i] = self.uniform[x]

    def _is_left_out(self, e: Equation) -> bool:
        """Return whether a product is its operand; combine it with an earlier product where that is exact."""
        numbers = [x for x in e.inputs if isinstance(x, float)]
        arrays = [x for x in e.inputs if isinstance(x, Variable)]
        if len(numbers) != 1 or len(arrays) != 1 or arrays[0] in self.step.numbers:
            return False
        number, x, out = numbers[0], arrays[0], e.outputs[0]
        if number == 1.0 and (x.shape, x.dtype) == (out.shape, out.dtype) and self._may_be(x, out):
            self.same[out] = x
            self.step.stand_for(out, x)
            return True
        held = self.factors.get(x)
        if held is not None and (_is_power_of_two(held[0]) or _is_power_of_two(number)):
            number, x = number * held[0], held[1]
            e.inputs = [number, x]
        if self.step.root_of(x) not in self.untouchable:
            self.factors[out] = number, x
        return False

    def _may_be(self, x: Variable, out: Variable) -> bool:
        """Return whether one may stand for the other: neither is written to or handed out."""
        own = x not in self.step.outside and self.step.root_of(x) is x
        return own and not {x, out} & self.untouchable


def _forget_private_owners(step: Step) -> None:
    """Let go of tensors that the step has made itself: nobody else can reach them, so their arrays are plain constants."""
    for v in step.owners:
        if step.constants.get(v) is None or sys.getrefcount(step.owners[v]) > _REFERENCES_OF_ITS_OWN:
            continue
        if sys.getrefcount(step.constants[v]) <= _REFERENCES_OF_ITS_ARRAY and _owns_memory(step.constants[v].base):
            step.owners[v] = None


def _owns_memory(base: Any) -> bool:
    """Return whether nobody but one array holds what that array is a view of: not so where detach() made the array."""
    return base is None or (sys.getrefcount(base) <= _REFERENCES_OF_ITS_BASE and _owns_memory(base.base))


def _is_uniform(array: np.ndarray | None) -> bool:
    if array is None or not array.size or array.dtype.kind not in "fiub" or array.size > 1 << 16:
        return False
    return bool((array == array.flat[0]).all())


def _is_power_of_two(number: float) -> bool:
    return number != 0 and math.isfinite(number) and abs(math.frexp(number)[0]) == 0.5
