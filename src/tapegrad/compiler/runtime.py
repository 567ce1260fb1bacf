"""A program that was made of a step: when it holds, and running it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Node, Tensor, Variable, wrap
from ..core.graph import ALTERATIONS
from ..errors import GradError
from ..ops.generator import current_generator
from .arguments import Place, rebuild
from .calling import Stale, write_call
from .guards import Guards
from .joining import join
from .loops.choice import choose
from .program import Step
from .source import Source, write_source

__all__ = ["Results", "Specialization"]


class _Done(Node):
    """The node of a result whose gradients the program has computed already."""

    def pull(self, g: Any, as_tensors: bool) -> list:
        raise GradError(
            "backward",
            "the compiled step has run its backward pass already, and kept nothing of it",
            "call backward() inside the step, once",
        )

    def name(self) -> str:
        return "CompiledBackward0"


_DONE = _Done(None, None, (), ())


class Results:
    """How a program's results become what the function returns. ``same``: which argument a result is, where it is one."""

    def __init__(self, form: Any, tapes: list[bool], same: list[int | None]):
        self.form = form
        self.tapes = tapes
        self.same = same
        self.is_one = isinstance(form, Place)
        self.is_tuple = type(form) is tuple and bool(form) and all(isinstance(item, Place) for item in form)

    def restore(self, tensors: list[Tensor]) -> Any:
        """Return the results in their form."""
        return rebuild(self.form, tensors.__getitem__)


class Specialization:
    """The program for one kind of arguments."""

    def __init__(
        self,
        step: Step,
        arguments: list[str],
        guards: Callable[[Step], Guards],
        results: Results,
        grad_enabled: bool,
        target: str | None = None,
    ):
        self.step = step
        self.results = results
        self.grad_enabled = grad_enabled
        self.target = target = target or choose(step)
        self.done = _DONE
        self._arguments = arguments
        self.flats: dict[Variable, np.ndarray] = {}
        self.joined: set[Variable] = set()
        # Of arguments that are one and the same, the program gets the first.
        self.places = [step.inputs.index(v) for v in dict.fromkeys(step.inputs)]
        self.altered = -1
        self._join()
        self.source: Source = write_source(step, arguments, self.joined, target)
        self._code = compile(self.source.text, "<compiled step>", "exec")
        self._space: dict[str, Any] = {}
        self.instantiate()
        self.guards = guards(step)
        self.written = self._written_storages()
        self.own_memory = self._own_memory()
        written = {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}
        self.writes_inputs = bool(written & set(step.inputs))
        self.call, self._space = write_call(self)
        self._tell_call()

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

    def instantiate(self) -> None:
        """Run the setup: lay out the memory anew."""
        step, space = self.step, self._namespace(self.source)
        exec(self._code, space)
        self.run = space["step"]
        self.gradients = [
            (leaf, wrap(space[name]))
            for (leaf, _), name in zip(step.gradients, self.source.gradient_names, strict=True)
        ]
        if self._space:
            self._tell_call()

    def _namespace(self, source: Source) -> dict[str, Any]:
        """Return what the names stand for that a source is given."""
        space: dict[str, Any] = {"Stale": Stale, **source.given}
        for variable, array in self.flats.items():
            space[source.names[variable]] = array
        for variable, array in self.step.constants.items():
            if source.names[variable] in source.given:
                space[source.names[variable]] = array
        return space

    def _tell_call(self) -> None:
        """Hand the function that calls the program its memory, with how often each gradient is held by the program."""
        space = self._space
        space["run"] = self.run
        count = 0
        for i, g in enumerate([g for _, g in self.gradients]):
            space[f"g{i}"] = g
            base = g.array.base
            if base is not None and not any(base is space[f"base{k}"] for k in range(count)):
                space[f"base{count}"] = base
                count += 1
        # What is counted must be held by nothing here while it is.
        g = base = None
        for i in range(count):
            space[f"base{i}_own"] = sys.getrefcount(space[f"base{i}"])
        for i in range(len(self.gradients)):
            space[f"g{i}_own"] = sys.getrefcount(space[f"g{i}"])
            space[f"g{i}_array_own"] = sys.getrefcount(space[f"g{i}"].array)

    def _written_storages(self) -> list[Any]:
        step = self.step
        written = {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}
        # Nobody differentiates through an optimizer's own state, so its versions need not be counted.
        owners = {v: t for f in step.flats if f.tensors for v, t in zip(f.parts, f.tensors, strict=True)}
        states = {id(t) for f in step.flats if f.tensors and f.use != "parameters" for t in f.tensors}
        tensors = [owners.get(v, step.owners.get(v)) for v in written]
        storages = list({id(t.memory): t.memory for t in tensors if t is not None and id(t) not in states}.values())
        for storage in storages:
            storage.writer = "the compiled step"
        return storages

    def _own_memory(self) -> set[int]:
        """Return the ids of the arrays that own memory which the program writes to by itself."""
        arrays = [*self.step.constants.values(), *self.flats.values(), *(g.array for _, g in self.gradients)]
        return {id(a if a.base is None else a.base) for a in arrays}

    # -- what holds ----------------------------------------------------------------------------------------------------

    def modules_hold(self) -> bool:
        """Return whether the modules have the attributes that they had when the program was captured."""
        if not all(snapshot.holds() for snapshot in self.guards.snapshots):
            return False
        self.altered = ALTERATIONS[0]
        return True

    def values_of_each(
        self, tensors: Sequence[Tensor], random_state: Tensor
    ) -> list[tuple[str, str, np.ndarray, int, int]]:
        """Run the program with a look at every result: (operation, line, value, its place when recorded, which output)."""
        seen: list[tuple[str, str, np.ndarray, int, int]] = []

        def see(place: int, *values: Any) -> None:
            e = self.step.equations[place]
            for k, (out, value) in enumerate(zip(e.outputs, values, strict=True)):
                at = self.step.produced.get(out) if not e.writes else (self.step.written_at.get(id(e), -1), k)
                if at is not None and at[0] >= 0:
                    seen.append((e.primitive.name, e.where, np.array(value), *at))

        current_generator().set_state(random_state)
        source = write_source(self.step, self._arguments, self.joined, self.target, see=True)
        space = self._namespace(source)
        space["see"] = see
        exec(compile(source.text, "<program with a look at every result>", "exec"), space)
        found = [np.zeros(v.shape, v.dtype) if leaf._grad is None else leaf._grad.array for leaf, v in self.step.found]
        space["step"](*[tensors[i].array for i in self.places], *found)
        return seen

    def fail(self) -> None:
        """Leave the gradients as a step leaves them that began by forgetting them and did not come to its end."""
        for leaf in self.step.forgotten:
            leaf._grad = None

    @staticmethod
    def overlap(tensors: Sequence[Tensor]) -> bool:
        """Return whether two arguments share memory, which matters where the program writes to one."""
        arrays = [t.array for t in tensors]
        return any(np.may_share_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i] if a is not b)
