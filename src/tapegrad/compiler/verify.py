"""Comparing a program with the eager step that it stands for, and finding the first operation that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import STATE, Tensor, as_array
from ..errors import TraceError
from .arguments import Unkeyed, flatten
from .capture import Capture
from .watch import Watch

if TYPE_CHECKING:
    from .runtime import Specialization

__all__ = ["Reference", "tolerance"]


def tolerance(dtype: np.dtype) -> float:
    """Return by how much results may differ, as a share of the largest value: another order of additions does that."""
    return {"e": 1e-2, "f": 1e-4, "d": 1e-9}.get(dtype.char, 1e-4 if dtype.kind == "c" else 0.0)


class _Recording(Capture):
    """A capture that keeps a copy of everything that is computed, as it was then."""

    def __init__(self, inputs: list[Tensor]):
        super().__init__(inputs)
        self.values: list[list[np.ndarray]] = []

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        super().record(primitive, inputs, out, keywords)
        self.values.append([o.array.copy() for o in (out if isinstance(out, tuple) else (out,))])

    def _append(self, primitive: Any, inputs: list, outputs: list, keywords: dict, writes: bool) -> None:
        super()._append(primitive, inputs, outputs, keywords, writes)
        while len(self.values) < len(self.equations) - 1:
            self.values.append([])


class Reference:
    """What the eager step does: its results, and the memory and gradients that it leaves. The step itself is undone."""

    def __init__(self, function: Any, tensors: list[Tensor], args: tuple, kwargs: dict):
        self.capture = _Recording(tensors)
        watch = Watch(self.capture, function)
        STATE.tracer = self.capture
        try:
            with watch:
                self.result = function(*args, **kwargs)
        except BaseException:
            self.capture.call_postponed()
            raise
        finally:
            STATE.tracer = None
        self.results: list[Tensor] = []
        try:
            flatten(self.result, self.results)
        except Unkeyed as error:
            self.capture.refuse("compile", f"the result holds a {error}", "return tensors and plain values")
        watch.judge()
        if self.capture.refusal is not None:
            return
        self.capture.postponed.clear()
        self.results = [t.detach().clone() for t in self.results]
        # Tensors, not their arrays, are held: the program about to be made may give them other memory.
        holders = {id(t.array): t for t in [*self.capture.owners.values(), *self._state_tensors()] if t is not None}
        self.memory = [(holders.get(id(array), array), array.copy()) for array, _ in self.capture._undo]
        self.before = [(holders.get(id(array), array), before) for array, before in self.capture._undo]
        self.gradients = [
            (g.leaf, None if g.leaf._grad is None else g.leaf._grad.array.copy())
            for g in self.capture.gradients.values()
        ]
        self.random_state = self.capture._random_state
        self.capture.undo()
        self.capture.forget()

    def _state_tensors(self) -> list[Tensor]:
        return [t for flat in self.capture.flats for t in flat.tensors or ()]

    def check(self, program: Specialization, tensors: Any, results: list[Tensor]) -> None:
        """Raise TraceError when a program that has just run has left something else than the eager step."""
        pairs = [(f"result {i}", a.array, b.array) for i, (a, b) in enumerate(zip(results, self.results, strict=True))]
        pairs += [("a tensor that the step writes to", as_array(held), value) for held, value in self.memory]
        for leaf, value in self.gradients:
            if (leaf._grad is None) != (value is None):
                self._fail(program, tensors, "a gradient is there in one and not in the other")
            elif value is not None and leaf._grad is not None:
                pairs.append((f"the gradient of a leaf of shape {leaf.array.shape}", leaf._grad.array, value))
        for what, got, wanted in pairs:
            if not close(got, wanted):
                self._fail(program, tensors, f"{what} differs by {_difference(got, wanted):.3g}")

    def _fail(self, program: Specialization, tensors: Any, what: str) -> None:
        for held, before in self.before:
            as_array(held)[...] = before
        first = self._first_difference(program, tensors)
        raise TraceError(
            "compile(verify=...)",
            f"the program and the eager step differ: {what}; {first}",
            "what the step does must depend on its tensors alone; if it does, this is a bug of the compiler",
        )

    def _first_difference(self, program: Specialization, tensors: Any) -> str:
        """Return where the program first computes something else, by running it with a look at every result."""
        eager, planned = self.capture.equations, program.step.recorded
        for i, (e, name) in enumerate(zip(eager, planned, strict=False)):
            if e.primitive.name != name:
                return f"operation {i} is {e.primitive.name} ({e.where}) and was {name} when the step was captured"
        if len(eager) != len(planned):
            return f"the step has {len(eager)} operations and had {len(planned)} when it was captured"
        for name, where, value, place, k in program.values_of_each(tensors, self.random_state):
            wanted = self.capture.values[place]
            if k < len(wanted) and not close(value, wanted[k]):
                difference = _difference(value, wanted[k])
                return (
                    f"the first operation that differs is {name} of shape {value.shape} ({where}), by {difference:.3g}"
                )
        return "every operation by itself agrees, so the difference comes from how they were joined"


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays agree within the tolerance of their dtype."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc":
        return bool((a == b).all())
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        bound = tolerance(a.dtype) * float(np.max(np.abs(np.where(np.isfinite(b), b, 0)), initial=0.0))
        return bool((same | (np.abs(a - b) <= bound + 1e-30)).all())


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return float("nan")
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))
