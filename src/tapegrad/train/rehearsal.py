"""Trying a new program beside the eager step, with everything put back: do they agree, and which is faster?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..compiler.calling import Stale
from ..compiler.capture import Refusal
from ..compiler.compiled import Compiled
from ..core import Tensor
from ..ops.random import get_rng_state, set_rng_state

__all__ = ["AGREEMENT", "Rehearsed"]

# How far results may be from the eager ones, relative to the largest of each, and gradients, as norms of differences
# relative to the norm of all: by the size of the numbers in bytes. Sums in another order and Winograd's algorithm stay
# below 1e-5, but where that turns the larger of two near equals into the smaller, max pooling and ReLU pass gradients on
# to another place: in a CNN some 1e-3 of them. What a wrong program computes is far beyond.
AGREEMENT = {4: (1e-3, 3e-2), 8: (1e-7, 1e-5)}
# A step that takes longer than this (seconds) is timed once each way.
_LONG = 0.1


class Rehearsed(Compiled):
    """A compiled function whose programs must agree with the function before they are used. It never raises for its own sake.

    ``trusted``: a program is not tried; ``seconds``: spent on capturing, writing and trying programs; ``times``: (eager,
    compiled) seconds of each program's call; ``difference``, ``gradient_difference``: the largest ones seen.
    """

    def __init__(self, function: Callable):
        super().__init__(function, target="numpy", quiet=True)
        self.trusted = False
        # What the arrays of the programs, by id, held before the first update.
        self.first_values: dict[int, Any] = {}
        self.seconds = 0.0
        self.captures = 0
        self.times: list[tuple[float, float]] = []
        self.difference = 0.0
        self.gradient_difference = 0.0

    def _capture(self, *details: Any) -> Any:
        began = time.perf_counter()
        self.captures += 1
        try:
            return super()._capture(*details)
        finally:
            self.seconds += time.perf_counter() - began

    def _build(self, capture: Any, watch: Any, tensors: Sequence[Tensor], results: list[Tensor], form: Any) -> Any:
        try:
            program = super()._build(capture, watch, tensors, results, form)
        except Exception as error:
            capture.undo()
            self._refuse(_own_fault("no program could be written", error))
            raise Stale from None
        if self.trusted and self.times:
            return program
        memory = _Memory(program, tensors)
        self.first_values = {**{id(array): before for array, before in memory.kept}, **self.first_values}
        try:
            if self._agrees(memory):
                return program
        except Exception as error:
            memory.restore()
            self._refuse(_own_fault("the program failed", error))
        raise Stale

    def _agrees(self, memory: _Memory) -> bool:
        eager, expected = _timed(lambda: memory.eager(self.function), memory)
        compiled, found = _timed(memory.compiled, memory)
        if not self.times:
            for _ in range(1 if eager > _LONG else 3):
                eager = min(eager, _timed(lambda: memory.eager(self.function), memory)[0])
                compiled = min(compiled, _timed(memory.compiled, memory)[0])
        self.times.append((eager, compiled))
        results, gradients = _differences(expected, found)
        self.difference, self.gradient_difference = (
            max(self.difference, results),
            max(self.gradient_difference, gradients),
        )
        size = max((a.itemsize for a in expected[0] if a.dtype.kind == "f"), default=4)
        most, most_gradients = AGREEMENT.get(size, AGREEMENT[4])
        if self.trusted or (results <= most and gradients <= most_gradients):
            return True
        which, difference = ("results", results) if results > most else ("gradients", gradients)
        what = f"the program's {which} differ from the eager ones by {difference:.1e}"
        self._refuse(Refusal("compile", what, "report it, with the recipe"))
        return False


class _Memory:
    """All that a program, or the step that it was made of, reads and changes outside itself."""

    def __init__(self, program: Any, tensors: Sequence[Tensor]):
        self.program = program
        self.tensors = tensors
        step = program.step
        arrays = [*step.constants.values(), *program.flats.values(), *(t.array for t in tensors)]
        self.kept = [(a, a.copy()) for a in {id(a): a for a in arrays}.values()]
        self.leaves = [leaf for leaf, _ in (*step.gradients, *step.found)]
        self.gradients = [leaf._grad for leaf in self.leaves]
        self.generator = get_rng_state()

    def restore(self) -> None:
        for array, before in self.kept:
            if array.flags.writeable:
                array[...] = before
        for leaf, gradient in zip(self.leaves, self.gradients, strict=True):
            leaf._grad = gradient
        set_rng_state(self.generator)

    def eager(self, function: Callable) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Run the function, and return its results and gradients."""
        results = [t.array for t in function(*self.tensors)]
        return results, [leaf._grad.array for leaf, _ in self.program.step.gradients]

    def compiled(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Run the program, and return its results and gradients."""
        program = self.program
        found = [leaf._grad.array for leaf, _ in program.step.found]
        results = program.run(*(self.tensors[i].array for i in program.places), *found)
        return list(results), [g.array for _, g in program.gradients]


def _timed(call: Callable[[], Any], memory: _Memory) -> tuple[float, Any]:
    """Return the seconds that a call takes, and its result in memory of its own, with everything else put back."""
    began = time.perf_counter()
    results, gradients = call()
    seconds = time.perf_counter() - began
    copies = [a.copy() for a in results], [a.copy() for a in gradients]
    memory.restore()
    return seconds, copies


def _differences(expected: Any, found: Any) -> tuple[float, float]:
    """Return the largest difference of results, relative to each one's size, and of gradients, relative to their norm."""
    (results, gradients), (others, theirs) = expected, found
    norm = math.sqrt(sum(_norm(g) ** 2 for g in gradients))
    differences = [_distance(a, b, _size(a), _size) for a, b in zip(results, others, strict=True)]
    apart = [_distance(a, b, norm, _norm) for a, b in zip(gradients, theirs, strict=True)]
    return max(differences, default=0.0), max(apart, default=0.0)


def _size(a: np.ndarray) -> float:
    return float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) if a.dtype.kind == "f" else 1.0


def _norm(a: np.ndarray) -> float:
    return (
        math.sqrt(float(np.sum(np.square(a, dtype=np.float64), where=np.isfinite(a)))) if a.dtype.kind == "f" else 1.0
    )


def _distance(a: np.ndarray, b: np.ndarray, size: float, measure: Callable[[np.ndarray], float]) -> float:
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else float("inf")
    # What has diverged may do so in another order of sums a little sooner or later: only finite numbers are compared.
    apart = measure(a - b)
    least = float(np.finfo(a.dtype).tiny)
    return apart / size if size > least else 0.0 if apart <= least else float("inf")


def _own_fault(what: str, error: Exception) -> Refusal:
    return Refusal("compile", f"{what} ({type(error).__name__}: {' '.join(str(error).split())})", "report it")
