"""Where the elements of a program's values lie: strides, counted in elements, as far as they are known beforehand."""

from __future__ import annotations

import math

import numpy as np

from ...core import Equation, Variable
from ..layout import Layout
from ..program import Step

__all__ = ["Layouts", "Operand", "Space"]

Strides = tuple[int, ...]


def _contiguous(shape: tuple[int, ...]) -> Strides:
    return tuple(math.prod(shape[d + 1 :]) for d in range(len(shape)))


class Layouts:
    """The strides of each variable; None where only the running program will know."""

    def __init__(self, step: Step, layout: Layout):
        self.step = step
        self.layout = layout
        self.known: dict[Variable, Strides | None] = dict.fromkeys(step.inputs)
        self.known.update({v: None for _, v in step.found})
        for variable, array in step.constants.items():
            if array is not None:
                self.known[variable] = tuple(s // array.itemsize for s in array.strides)
        for e in step.equations:
            for out in e.outputs:
                if out not in self.known:
                    self.known[out] = self._of_result(e, out)

    def of(self, variable: Variable) -> Strides | None:
        """Return the strides of a variable."""
        return self.known.get(variable)

    def _of_result(self, e: Equation, out: Variable) -> Strides | None:
        if self.step.root_of(out) is not out:
            return self._of_view(e, out)
        if not getattr(e.primitive, "takes_out", True) and out not in self.layout.copies:
            return None
        order = self.layout.order.get(out)
        if order is None:
            return _contiguous(tuple(out.shape))
        strides = _contiguous(tuple(out.shape[d] for d in order))
        return tuple(strides[order.index(d)] for d in range(len(order)))

    def _of_view(self, e: Equation, out: Variable) -> Strides | None:
        source, *others = e.inputs
        strides = self.known.get(source)
        if strides is None or any(isinstance(x, Variable) for x in others) or min(strides, default=0) < 0:
            return None
        extent = 1 + sum(s * (n - 1) for s, n in zip(strides, source.shape, strict=True))
        stands_for = np.lib.stride_tricks.as_strided(
            np.empty(max(extent, 1), source.dtype), source.shape, [s * source.dtype.itemsize for s in strides]
        )
        view = e.primitive.kernel(np, stands_for, *others, **e.keywords)
        view = view[e.outputs.index(out)] if isinstance(view, tuple) else view
        if not np.may_share_memory(view, stands_for) or view.dtype != out.dtype:
            return None
        return tuple(s // view.itemsize for s in view.strides)


class Operand:
    """How a value is handed to a loop: ``view`` makes of its name what the loop indexes with the loops in ``indices``."""

    def __init__(self, variable: Variable, strides: Strides | None):
        self.variable = variable
        self.fixed = strides is not None
        self.strides = strides if strides is not None else _contiguous(tuple(variable.shape))
        self.indices: tuple[int, ...] = ()
        self.view = "{}"

    def along(self, space: tuple[int, ...], axis: int) -> int | None:
        """Return the stride along an axis of the iteration space, None where the value does not change."""
        d = self._dim(space, axis)
        if d < 0 or self.variable.shape[d] == 1:
            return None
        return self.strides[d] or None

    def _dim(self, space: tuple[int, ...], axis: int) -> int:
        return axis - len(space) + len(self.variable.shape)

    def arrange(self, space: tuple[int, ...], loops: list[list[int]]) -> None:
        """Work out ``view`` and ``indices`` for loops, each over some axes of the space."""
        own = [[a for a in axes if self.along(space, a) is not None] for axes in loops]
        self.indices = tuple(i for i, axes in enumerate(own) if axes)
        dims = [self._dim(space, a) for axes in own for a in axes]
        if not self.fixed:
            self.view = "np.asarray({}, order='C')"
        kept = list(range(len(self.variable.shape)))
        repeated = [d for d in kept if self.strides[d] == 0 and self.variable.shape[d] > 1]
        if repeated:
            # With the dots it stays an array where nothing else is left.
            places = ["0" if d in repeated else ":" for d in kept]
            self.view += f"[{', '.join([*places, *(['...'] if repeated == kept else [])])}]"
            kept = [d for d in kept if d not in repeated]
        order = [*dims, *(d for d in kept if d not in dims)]
        if order != kept:
            self.view += f".transpose({', '.join(str(kept.index(d)) for d in order)})"
        shape = tuple(self.variable.shape[d] for d in order)
        wanted = tuple(math.prod(space[a] for a in axes) for axes in own if axes)
        if wanted != shape:
            self.view += f".reshape({', '.join(map(str, wanted)) or '()'})"


class Space:
    """The loops over an iteration space: as few as the operands' strides allow, the innermost over neighbours in memory."""

    def __init__(self, shape: tuple[int, ...], written: list[Operand], read: list[Operand]):
        operands = [*written, *read]
        axes = [a for a, n in enumerate(shape) if n != 1]
        axes.sort(key=lambda a: [-(o.along(shape, a) or 0) for o in operands])
        self.loops: list[list[int]] = []
        for a in axes:
            if self.loops and all(self._go_on(o, shape, self.loops[-1][-1], a) for o in operands):
                self.loops[-1].append(a)
            else:
                self.loops.append([a])
        for o in operands:
            o.arrange(shape, self.loops)

    @staticmethod
    def _go_on(o: Operand, shape: tuple[int, ...], outer: int, inner: int) -> bool:
        first, second = o.along(shape, outer), o.along(shape, inner)
        if first is None or second is None:
            return first is second
        return first == second * shape[inner]
