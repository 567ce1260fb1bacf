"""A program that was made of a step: when it holds, and running it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Node, Tensor, Variable, wrap
from ..core.graph import ALTERATIONS
from ..errors import GradError
from .arguments import rebuild
from .guards import Guards
from .joining import join
from .program import Step
from .source import Source, write_source

__all__ = ["Results", "Specialization", "Stale"]


class Stale(Exception):
    """The program was made for other numbers: a condition on a learning rate, or on the count of steps, has changed."""


class _Done(Node):
    """The node of a result whose gradients the program has computed already."""

    def values(self, as_tensors: bool) -> list:
        raise GradError(
            "backward",
            "the compiled step has run its backward pass already, and kept nothing of it",
            "call backward() inside the step, once",
        )

    pull = values  # type: ignore[assignment]

    def name(self) -> str:
        return "CompiledBackward0"


_DONE = _Done(None, None, (), ())


class Results:
    """How a program's results become what the function returns."""

    def __init__(self, form: Any, tapes: list[bool], same: list[int | None]):
        self.form = form
        self.tapes = tapes
        # Which argument a result is, where it is one.
        self.same = same

    def restore(self, inputs: Any, outputs: list[Tensor]) -> Any:
        """Return the results in their form."""
        return rebuild(self.form, lambda i: outputs[i] if self.same[i] is None else inputs[self.same[i]])


class Specialization:
    """The program for one kind of arguments."""

    def __init__(
        self,
        step: Step,
        arguments: list[str],
        guards: Callable[[Step], Guards],
        results: Results,
        target: str | None = None,
    ):
        self.step = step
        self.results = results
        self.target = target
        self.flats: dict[Variable, np.ndarray] = {}
        self.joined: set[Variable] = set()
        self._join()
        self.source: Source = write_source(step, arguments, self.joined)
        self._code = compile(self.source.text, "<compiled step>", "exec")
        self._instantiate()
        self._guard(guards(step))
        self._written = self._written_storages()
        # Of arguments that are one and the same, the program gets the first.
        self._places = [step.inputs.index(v) for v in dict.fromkeys(step.inputs)]

    # -- memory --------------------------------------------------------------------------------------------------------

    def _join(self) -> None:
        for flat in self.step.flats:
            for part in flat.parts if flat.tensors is not None else ():
                self.step.constants[part] = None  # the tensors alone hold their arrays while these are counted
        for flat in self.step.flats:
            if flat.tensors is None or flat.variable in self.flats:
                continue
            array = join(flat.optimizer, flat.tensors)
            if array is not None:
                flat.array = array
                self.flats[flat.variable] = array
                self.joined.add(flat.variable)
        for flat in self.step.flats:
            for part, t in zip(flat.parts, flat.tensors or (), strict=False):
                self.step.constants[part] = t.array

    def _instantiate(self) -> None:
        """Run the setup: lay out the memory anew."""
        names, step = self.source.names, self.step
        space: dict[str, Any] = {"Stale": Stale, **self.source.given}
        for variable, array in self.flats.items():
            space[names[variable]] = array
        for variable, array in step.constants.items():
            if names[variable] in self.source.given:
                space[names[variable]] = array
        exec(self._code, space)
        self.run = space["step"]
        self.gradients = [
            (leaf, wrap(space[name]))
            for (leaf, _), name in zip(step.gradients, self.source.gradient_names, strict=True)
        ]
        self._references = [self._count_references(g) for _, g in self.gradients]

    @staticmethod
    def _count_references(g: Tensor) -> tuple[int, int, int]:
        base = g.array.base
        return sys.getrefcount(g), sys.getrefcount(g.array), 0 if base is None else sys.getrefcount(base)

    def _gradients_are_held(self) -> bool:
        """Return whether somebody keeps a gradient of an earlier step, which must not be written over."""
        for (leaf, g), (tensor, array, base) in zip(self.gradients, self._references, strict=True):
            own = leaf._grad is g
            if sys.getrefcount(g) > tensor + 1 + own or sys.getrefcount(g.array) > array:
                return True
            if base and sys.getrefcount(g.array.base) > base:
                return True
        return False

    def _written_storages(self) -> list[Any]:
        step = self.step
        written = {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}
        owners = {v: t for f in step.flats if f.tensors for v, t in zip(f.parts, f.tensors, strict=True)}
        tensors = [owners.get(v, step.owners.get(v)) for v in written]
        storages = list({id(t.storage): t.storage for t in tensors if t is not None}.values())
        for storage in storages:
            storage.writer = "the compiled step"
        return storages

    def _guard(self, guards: Guards) -> None:
        self.conditions = guards.build()
        self._snapshots = guards.snapshots
        self._altered = -1
        roots = {id(a if a.base is None else a.base) for a in self.step.constants.values()}
        self._own_memory = roots | {id(a) for a in self.flats.values()}
        self._own_memory |= {id(g.array if g.array.base is None else g.array.base) for _, g in self.gradients}
        written = {self.step.root_of(o) for e in self.step.equations if e.writes for o in e.outputs}
        self._writes_inputs = bool(written & set(self.step.inputs))

    def holds(self) -> bool:
        """Return whether Python would do again what it did when the program was captured."""
        if not self.conditions():
            return False
        if self._altered != ALTERATIONS[0]:
            if not all(snapshot.holds() for snapshot in self._snapshots):
                return False
            self._altered = ALTERATIONS[0]
        return True

    def accepts(self, tensors: Sequence[Tensor]) -> bool:
        """Return whether no argument lies in memory that the program writes to by itself."""
        for t in tensors:
            array = t.array
            if id(array if array.base is None else array.base) in self._own_memory:
                return False
        if self._writes_inputs:
            arrays = [t.array for t in tensors]
            return not any(np.may_share_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i] if a is not b)
        return True

    # -- running -------------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Sequence[Tensor]) -> Any:
        if self.gradients and self._gradients_are_held():
            self._instantiate()
        arrays = [inputs[i].array for i in self._places]
        found = [leaf._grad.array for leaf, _ in self.step.found]
        results = self.run(*arrays, *found)
        for leaf, g in self.gradients:
            leaf._grad = g
        for storage in self._written:
            storage.version += 1
        for _, call in self.step.postponed:
            call()
        tapes = self.results.tapes
        outputs = [wrap(np.asarray(a), _DONE if tape else None) for a, tape in zip(results, tapes, strict=True)]
        return self.results.restore(inputs, outputs)
