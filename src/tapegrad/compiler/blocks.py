"""Elementwise equations one after the other, over large arrays: written as a loop over pieces that stay in the cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Equation, Variable
from .layout import Layout
from .program import Step, variables_of

__all__ = ["Block", "find_blocks"]

# Smaller arrays stay in the cache between two operations anyway.
_SMALLEST = 1 << 18
# How many elements of each operand a piece has: some five of them fit the second-level cache.
_PIECE = 32768


class Block:
    """Equations of one shape. ``operands``: what they read; ``made``: what they compute, not what they write to in place."""

    def __init__(self, equations: list[Equation], shape: tuple[int, ...], order: Any):
        self.equations = equations
        self.shape = shape
        self.order = order
        self.made = [o for e in equations if not e.writes for o in e.outputs]
        made = set(self.made)
        seen = [x for e in equations for x in variables_of([*e.inputs, *(e.outputs if e.writes else ())])]
        self.operands = [x for x in dict.fromkeys(seen) if x not in made]
        self.size = math.prod(shape)
        # Arrays of one shape and order are cut as vectors; with others among them, along the first dimension.
        self.flat = all(v.shape in ((), shape) for v in self.operands)
        self.row = 1 if self.flat else self.size // shape[0]
        self.rows = self.size if self.flat else shape[0]
        self.step = max(1, min(self.rows, _PIECE // self.row))
        self.piece_shape = (self.step,) if self.flat else (self.step, *shape[1:])
        self.piece_length = f"min({self.step}, {self.rows} - i)"

    def pieces(self) -> str:
        """Return the loop over the places where pieces begin."""
        return f"i in range(0, {self.rows}, {self.step})"

    def slice_text(self, variable: Variable, name: str) -> str:
        """Return the piece of a value that begins at ``i``."""
        if self.flat:
            order = self.order
            memory = "" if order is None else f".transpose({', '.join(map(str, order))})"
            flat = "" if len(self.shape) == 1 else f"{memory}.reshape(-1)"
            return f"{name}{flat}[i:i + {self.step}]"
        if len(variable.shape) == len(self.shape) and variable.shape[0] == self.shape[0]:
            return f"{name}[i:i + {self.step}]"
        return name


def find_blocks(step: Step, layout: Layout, fresh: set[Variable]) -> dict[int, Block]:
    """Return the runs of equations that may be written as one loop, by the place of their first."""
    blocks: dict[int, Block] = {}
    run: list[Equation] = []
    begin = 0
    for i, e in enumerate([*step.equations, None]):
        if e is not None and run and _fits(step, layout, fresh, e) and _kind(layout, e) == _kind(layout, run[0]):
            run.append(e)
            continue
        if len(run) > 1:
            blocks[begin] = Block(run, *_kind(layout, run[0]))
        run = [e] if e is not None and _fits(step, layout, fresh, e) else []
        begin = i
    return blocks


def _kind(layout: Layout, e: Equation) -> tuple[tuple[int, ...], Any]:
    out = e.outputs[0]
    return tuple(out.shape), layout.order.get(out)


def _fits(step: Step, layout: Layout, fresh: set[Variable], e: Equation) -> bool:
    p = e.primitive
    if not getattr(p, "elementwise", False) or not p.takes_out or len(e.outputs) != 1 or p.random:
        return False
    out = e.outputs[0]
    if math.prod(out.shape) * out.dtype.itemsize < _SMALLEST or out in fresh or step.root_of(out) is not out:
        return False
    for x in variables_of(e.inputs):
        if x in step.numbers or not x.shape:
            continue
        if step.root_of(x) is not x or (layout.order.get(x) != layout.order.get(out) and x.shape == out.shape):
            return False
        if x in step.constants and not _row_major(step.constants[x]):
            return False
    return True


def _row_major(array: np.ndarray | None) -> bool:
    return array is None or array.flags.c_contiguous
